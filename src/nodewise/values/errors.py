"""What can go wrong, told apart by whose fault it is."""


class NodewiseError(Exception):
    """Any error that nodewise raises on purpose."""


class BadInputError(NodewiseError):
    """The input cannot be used; the message is one line: what is wrong, where, and what to do."""


class MissingExtraError(BadInputError):
    """An optional part was asked for that is not installed; the message names the ``pip install`` to run."""

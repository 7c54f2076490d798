"""A result folder that is complete or absent."""

from __future__ import annotations

import errno
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nodewise.values.errors import BadInputError

_NO_ROOM_OR_RIGHT = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM}
"""What the user's disk says, not a fault of ours."""


@contextmanager
def whole(folder: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """A hidden folder beside ``folder`` to write into; renamed to it at the end, removed if anything was raised.

    An earlier result is moved aside just before and deleted just after the renaming, so that it is lost only once the
    new one is complete.

    Raises:
        BadInputError: ``folder`` is a file, a mount point, not writable, or holds something and ``overwrite`` is False;
            or the disk is full or closed to us.
    """
    folder = folder.resolve()
    _check(folder, overwrite)
    mark = uuid.uuid4().hex[:8]
    aside, old = (folder.with_name(f".{folder.name}.{mark}.{end}") for end in ("writing", "old"))
    try:
        aside.mkdir(parents=True)
    except OSError as error:
        raise BadInputError(f"nothing can be written beside {folder}: {error.strerror}") from error
    try:
        yield aside
        _check(folder, overwrite)
        if folder.exists():
            folder.rename(old)
        try:
            aside.rename(folder)
        except BaseException:
            if old.exists():
                old.rename(folder)
            raise
        shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        if error.errno not in _NO_ROOM_OR_RIGHT:
            raise
        raise BadInputError(f"{error.filename or folder} cannot be read or written: {error.strerror}") from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def make_folder(folder: Path) -> None:
    """Make a folder where it is missing.

    Raises:
        BadInputError: it cannot be made, or is a file.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInputError(f"{folder} cannot be made a folder for results: {error.strerror}") from error


def require_outside(folder: Path, *inputs: Path) -> None:
    """Refuse a result folder that holds one of its own inputs, which it might replace.

    Raises:
        BadInputError: an input is the folder or lies inside it.
    """
    for path in inputs:
        if path.resolve().is_relative_to(folder.resolve()):
            raise BadInputError(f"the results would lie on top of {path}: choose another folder than {folder}")


def require_free(folder: Path, *, overwrite: bool = False) -> None:
    """Refuse, before the work begins, a result folder that ``whole`` would refuse at its end.

    Raises:
        BadInputError: as ``whole``.
    """
    _check(folder.resolve(), overwrite)


def _check(folder: Path, overwrite: bool) -> None:
    if folder.is_mount():
        raise BadInputError(f"{folder} is a whole disk or a mounted folder: name a folder inside it")
    if folder.exists() and not folder.is_dir():
        raise BadInputError(f"{folder} is a file, a folder for the results was expected: choose another name")
    if folder.is_dir() and not overwrite and any(folder.iterdir()):
        raise BadInputError(f"{folder} already holds something: choose another folder, or overwrite it (--overwrite)")

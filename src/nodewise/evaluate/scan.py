"""The CT behind a case, for pictures."""

from __future__ import annotations

import logging

from nodewise.evaluate.record import Case
from nodewise.io.folder import read_study
from nodewise.values.errors import BadInputError
from nodewise.values.volume import Volume

log = logging.getLogger(__name__)


def ct_of(case: Case) -> Volume | None:
    """The scan of a case; None, and a line in the log, where there is none or it cannot be read."""
    if case.image is None:
        return None
    try:
        return read_study(case.image, allow_gaps=True).ct
    except BadInputError as problem:
        log.warning("%s: no CT in its pictures: %s", case.name, problem)
        return None

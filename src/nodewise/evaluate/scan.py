"""The CT behind a case, for pictures."""

from __future__ import annotations

import logging
from pathlib import Path

from nodewise.datasets.read import load_case
from nodewise.evaluate.pairs import NODES_FILE
from nodewise.evaluate.read import STATIONS_FILE
from nodewise.evaluate.record import Case
from nodewise.io.folder import read_study
from nodewise.io.itk import read_labels
from nodewise.values.errors import BadInputError
from nodewise.values.orientation import closest_lps
from nodewise.values.volume import Volume

log = logging.getLogger(__name__)


def true_nodes(case: Case) -> Volume | None:
    """Its true nodes as they lie on disk, LABEL; None where the truth is a bare mask."""
    if case.pair is None:
        return None
    if case.pair.labelled is not None:
        return load_case(case.pair.labelled).nodes
    path = case.pair.truth / NODES_FILE
    return closest_lps(read_labels(path)) if path.is_file() else None


def true_stations(case: Case) -> Path | None:
    """The file of its true map of stations."""
    if case.pair is None:
        return None
    path = case.pair.labelled.stations if case.pair.labelled else case.pair.truth / STATIONS_FILE
    return path if path is not None and path.exists() else None


def ct_of(case: Case) -> Volume | None:
    """The scan of a case; None, and a line in the log, where there is none or it cannot be read."""
    if case.image is None:
        return None
    try:
        return read_study(case.image, allow_gaps=True).ct
    except BadInputError as problem:
        log.warning("%s: no CT in its pictures: %s", case.name, problem)
        return None

"""One case: read, checked, and written whole or not at all."""

from __future__ import annotations

import hashlib
import logging
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nodewise.datasets.case import LabelledCase, LeftOut
from nodewise.datasets.nodes import nodes_of
from nodewise.datasets.prepare.check import Rules, fault
from nodewise.datasets.prepare.record import CaseRecord, write_case_record
from nodewise.datasets.read import LoadedCase, load_labels
from nodewise.io.folder import read_study
from nodewise.io.itk import write_nifti
from nodewise.io.whole import whole
from nodewise.values.errors import BadInputError
from nodewise.values.volume import Volume

CHECKED = "checked"
KINDS = ("images", "labels", "stations", "ignore", "organs")
_LOGGER = logging.getLogger("nodewise")


@dataclass(frozen=True, slots=True)
class Task:
    """A case to prepare into a folder; ``source`` is its digest (``source_of``)."""

    case: LabelledCase
    folder: Path
    rules: Rules
    source: str

    def __call__(self) -> CaseRecord:
        """Prepare it; the record is written last, so that a case with a record is whole.

        Raises:
            BadInputError: the disk is full or closed to us.
        """
        with whole(self.folder / CHECKED / self.case.name, overwrite=True) as aside:
            files = aside / "files"
            files.mkdir()
            with _heard() as told:
                record = self._checked(files)
            lines = tuple(dict.fromkeys(_without_paths(line, self.case) for line in told))
            record = record.model_copy(update={"warnings": lines, "why": _without_paths(record.why, self.case)})
            for kind in KINDS:
                place = self.folder / kind / f"{self.case.name}.nii.gz"
                made = files / place.parent.name / place.name
                if made.is_file():
                    place.parent.mkdir(exist_ok=True)
                    made.replace(place)
                else:
                    place.unlink(missing_ok=True)
            shutil.rmtree(files)
            write_case_record(record, aside)
        return record

    def _checked(self, files: Path) -> CaseRecord:
        failed = CaseRecord(name=self.case.name, source=self.source)
        try:
            study = read_study(self.case.image)
        except BadInputError as error:
            return failed.model_copy(update={"check": "scan", "why": str(error)})
        for line in study.source.warnings:
            _LOGGER.warning("%s", line)
        try:
            loaded = load_labels(self.case, study, resampled=self.rules.resampled)
            wrong = fault(loaded, self.rules)
            record = _facts(loaded, self.source)
        except BadInputError as error:
            return failed.model_copy(update={"check": "labels", "why": str(error)})
        if wrong is None:
            _write(loaded, files)
            return record
        return record.model_copy(update=_of(wrong))


def _of(wrong: LeftOut) -> dict[str, str]:
    return {"check": wrong.check, "why": wrong.why}


def _facts(loaded: LoadedCase, source: str) -> CaseRecord:
    ct, labelled = loaded.study.ct, int((loaded.nodes.array > 0).sum())
    digest = hashlib.sha256(repr(ct.grid.shape).encode())
    for plane in ct.array.T:
        digest.update(plane.tobytes())
    return CaseRecord(
        name=loaded.case.name,
        source=source,
        shape=ct.grid.shape,
        spacing_mm=tuple(round(step, 4) for step in ct.grid.spacing),
        hu=(float(ct.array.min()), float(ct.array.max())),
        nodes=len(nodes_of(loaded)),
        volume_ml=round(labelled * ct.grid.voxel_volume_mm3 / 1000, 3),
        content=digest.hexdigest(),
    )


def _write(loaded: LoadedCase, files: Path) -> None:
    unknown = None if loaded.case.annotation == "none" else loaded.ignore
    maps = (loaded.study.ct, None if loaded.case.annotation == "none" else loaded.nodes, loaded.stations, unknown)
    kept: dict[str, Volume | None] = dict(zip(KINDS, (*maps, loaded.organs), strict=True))
    for kind, volume in kept.items():
        if volume is not None:
            (files / kind).mkdir()
            write_nifti(volume, files / kind / f"{loaded.case.name}.nii.gz")


class _Listener(logging.Handler):
    """Keeps what is logged instead of showing it."""

    def __init__(self, told: list[str]) -> None:
        super().__init__(logging.WARNING)
        self.told = told

    def emit(self, record: logging.LogRecord) -> None:
        self.told.append(record.getMessage())


@contextmanager
def _heard() -> Iterator[list[str]]:
    """What nodewise warns of meanwhile: it is told of the case, not on the screen among those of other cases."""
    told: list[str] = []
    before, passed_on = _LOGGER.handlers, _LOGGER.propagate
    _LOGGER.handlers, _LOGGER.propagate = [_Listener(told)], False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield told
    finally:
        _LOGGER.handlers, _LOGGER.propagate = before, passed_on


def _without_paths(line: str, case: LabelledCase) -> str:
    """A line without the names of files and folders, which may be those of patients."""
    labels = [case.nodes, case.stations, case.ignore, case.organs, *(case.structures or {}).values()]
    named = {case.image: "the scan", **{path: "the labels" for path in labels if path and path != case.image}}
    for path, word in sorted(named.items(), key=lambda pair: -len(pair[0].name)):
        line = line.replace(str(path), word).replace(path.name, word)
    return " ".join(line.removeprefix(f"{case.name}: ").split())

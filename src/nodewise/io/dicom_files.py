"""Finding DICOM files under a folder and grouping their slices into series that are one stack each."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nodewise.io.dicom_header import Slice, code, is_dicom, read_header
from nodewise.values.grid import Floats

SAME_PLACE_MM = 0.01
"""Two slices closer than this lie at one place: far below any slice spacing, above the rounding of positions."""


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Slices of one series that share orientation, shape, spacing and kind, in order along the normal."""

    slices: tuple[Slice, ...]

    @property
    def first(self) -> Slice:
        """The slice that stands for what all have in common."""
        return self.slices[0]

    @property
    def name(self) -> str:
        """How messages call it: its number and modality, nothing that could name the patient."""
        number = self.first.header.get("SeriesNumber")
        modality = self.first.header.get("Modality")
        return f"{code(modality) if modality else 'unknown modality'} series {'?' if number is None else code(number)}"

    @property
    def distances(self) -> Floats:
        """Position of each slice along the normal, mm; zeros where slices have no place."""
        return np.array([_along_normal(s) for s in self.slices])

    @property
    def places(self) -> int:
        """Number of different positions."""
        return 1 + int(np.count_nonzero(np.diff(self.distances) > SAME_PLACE_MM))


def files_under(folder: Path) -> Iterator[Path]:
    """Every file below a folder in a fixed order; what is ``no_scan`` and links to folders left aside."""
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not no_scan(Path(root, name)))
        yield from (path for path in (Path(root, name) for name in sorted(names)) if not no_scan(path))


def no_scan(path: Path) -> bool:
    """Whether it is the operating system's, an index of a DICOM medium (PS3.10 8.6), or a result of nodewise."""
    name = path.name
    return name.startswith(".") or name in {"__MACOSX", "DICOMDIR"} or (path / "assessment.json").is_file()


def find_series(paths: Iterable[Path]) -> tuple[list[Series], list[str]]:
    """Every series in these files, and a line for those that cannot be read and for those that are not DICOM.

    They are counted, not named: files are often named after patients.
    """
    slices: list[Slice] = []
    damaged = others = 0
    for path in paths:
        if not is_dicom(path):
            others += 1
            continue
        try:
            slices += read_header(path)
        except ValueError:
            damaged += 1
    notes = [f"{n} file{'s' * (n > 1)} {what}" for n, what in ((damaged, "damaged"), (others, "not DICOM")) if n]
    return [part for stack in _stacks(slices) for part in _without_overlap(stack)], notes


def _stacks(slices: Iterable[Slice]) -> list[Series]:
    groups: list[list[Slice]] = []
    for item in slices:
        home = next((g for g in groups if _alike(g[0], item)), None)
        if home is None:
            groups.append([item])
        else:
            home.append(item)
    return [Series(tuple(sorted(g, key=lambda s: (_along_normal(s), s.order, s.path)))) for g in groups]


def _alike(a: Slice, b: Slice) -> bool:
    if (a.uid, a.shape, a.image_type[2:3]) != (b.uid, b.shape, b.image_type[2:3]):
        return False
    if any(a.header.get(name) != b.header.get(name) for name in ("SOPClassUID", "Modality", "FrameOfReferenceUID")):
        return False
    if a.rows is None or b.rows is None or a.position is None or b.position is None:
        return all((s.rows is None) or (s.position is None) for s in (a, b))
    return bool(np.abs(a.rows - b.rows).max() < 2e-3 and np.allclose(a.spacing, b.spacing, rtol=1e-3))


def _along_normal(item: Slice) -> float:
    if item.rows is None or item.position is None:
        return 0.0
    return float(np.cross(item.rows[0], item.rows[1]) @ item.position)


def _without_overlap(series: Series) -> list[Series]:
    """Parts told apart by acquisition, phase, kernel … where a series holds the same places more than once."""
    if series.first.position is None or series.places == len(series.slices):
        return [series]
    for mark in _MARKS:
        parts: dict[Hashable, list[Slice]] = {}
        for item in series.slices:
            parts.setdefault(mark(item), []).append(item)
        split = [Series(tuple(part)) for part in parts.values()]
        if len(split) > 1 and all(part.places == len(part.slices) >= 3 for part in split):
            return split
    return [series]


def _text(value: Any) -> str:
    return "" if value is None else str(value)


_MARKS: tuple[Callable[[Slice], Hashable], ...] = (
    lambda s: s.order[0],
    lambda s: _text(s.get("FrameContentSequence", "TemporalPositionIndex")),
    lambda s: _text(s.header.get("TemporalPositionIdentifier")),
    lambda s: s.image_type[:2],
    lambda s: _text(s.get("CTReconstructionSequence", "ConvolutionKernel")),
    lambda s: _text(s.get("CTXRayDetailsSequence", "KVP")),
    lambda s: _text(s.get("FrameContentSequence", "StackID")),
)

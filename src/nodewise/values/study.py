"""What was read: one patient's images and where they came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from nodewise.values.grid import Grid
from nodewise.values.volume import Volume


@dataclass(frozen=True, slots=True)
class Source:
    """Where a study came from, without anything that names the patient.

    Attributes:
        native: the grid as stored, on whose axes results are written.
        facts: modality facts worth reporting (scanner, kernel, kVp, slice thickness, contrast, orientation …).
        uids: DICOM identifiers that a DICOM result needs (study, series, frame of reference); empty for other formats.
        left_out: what else was found in the input and why it was not used, one line each.
        warnings: what was done to the data that a reader must know, one line each.
    """

    native: Grid
    facts: Mapping[str, str | float | int] = field(default_factory=lambda: MappingProxyType({}))
    uids: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    left_out: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """One patient's CT (HU), with PET (SUVbw) and the primary tumour's mask where they are there.

    Attributes:
        id: hash of the study's identifiers or of its voxels; says nothing of the patient.
        ct: its array axes run to the patient's left, back and head (``Grid.closest_lps``).
    """

    id: str
    ct: Volume
    source: Source
    pet: Volume | None = None
    tumor: Volume | None = None

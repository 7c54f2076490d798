"""Where a person looked for the nodes of a real scan, and what there may be one: the rest is then known to be none."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, ValidationError, field_validator, model_validator

from nodewise.values.errors import BadInputError
from nodewise.values.grid import Grid, Point

Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Radii = tuple[PositiveFloat, PositiveFloat, PositiveFloat]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Place(_Record):
    """An ellipsoid along the patient's axes that may hold nodes; ``what`` says why, in words."""

    lps_mm: Point
    radii_mm: Radii
    what: str = Field(default="", max_length=200)

    def inside(self, grid: Grid) -> Mask:
        """The voxels of ``grid`` whose centres lie in it."""
        middle, radii = np.asarray(self.lps_mm), np.asarray(self.radii_mm)
        return _where(
            grid, middle - radii, middle + radii, lambda places: (((places - middle) / radii) ** 2).sum(axis=-1) <= 1
        )


class Review(_Record):
    """One scan, looked at by eye.

    Attributes:
        id: of the study, as ``read_study`` gives it: a hash that names nobody.
        scan: its public name.
        low_lps_mm, high_lps_mm: corners of what was looked at.
        may_be_nodes: all that may be one in there.
    """

    id: str = Field(min_length=1, max_length=64)
    scan: str = Field(default="", max_length=200)
    low_lps_mm: Point
    high_lps_mm: Point
    may_be_nodes: tuple[Place, ...] = ()

    @model_validator(mode="after")
    def _has_room(self) -> Review:
        if any(low >= high for low, high in zip(self.low_lps_mm, self.high_lps_mm, strict=True)):
            raise ValueError("low_lps_mm is not below high_lps_mm")
        return self

    def seen(self, grid: Grid) -> Mask:
        """The voxels of ``grid`` whose centres were looked at."""
        low, high = np.asarray(self.low_lps_mm), np.asarray(self.high_lps_mm)
        return _where(grid, low, high, lambda places: np.all((places >= low) & (places <= high), axis=-1))

    def doubtful(self, grid: Grid) -> Mask:
        """The voxels of ``grid`` whose centres lie where there may be a node."""
        inside = np.zeros(grid.shape, bool, order="F")
        for place in self.may_be_nodes:
            inside |= place.inside(grid)
        return inside


def _where(grid: Grid, low: Floats, high: Floats, holds: Callable[[Floats], Mask]) -> Mask:
    """Voxels whose centres, LPS mm (…, 3), meet a condition that none meets beyond ``low`` to ``high``."""
    out = np.zeros(grid.shape, bool, order="F")
    box = grid.box_around(low, high)
    if min(box.shape) > 0:
        out[box.slices] = holds(grid.crop(box).to_lps(np.moveaxis(np.indices(box.shape, np.float32), 0, -1)))
    return out


class _Reviews(_Record):
    schema_version: Literal["1.0"]
    by: str = Field(max_length=400)
    scans: tuple[Review, ...]

    @field_validator("scans")
    @classmethod
    def _once(cls, scans: tuple[Review, ...]) -> tuple[Review, ...]:
        if len({scan.id for scan in scans}) < len(scans):
            raise ValueError("a scan is there twice")
        return scans


def read_reviews(path: Path) -> Mapping[str, Review]:
    """The reviews of a file (docs/training.md), by the id of the study.

    Raises:
        BadInputError: there is no such file, it is not JSON, a field is missing, wrong or unknown, or a scan is there
            twice.
    """
    try:
        reviews = _Reviews.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise BadInputError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, ValidationError) as error:
        first = error.errors()[0] if isinstance(error, ValidationError) else None
        where = ".".join(map(str, first["loc"])) if first else "the text"
        told = first["msg"] if first else "it is no JSON"
        raise BadInputError(f"{path} is no file of reviewed scans: {where}: {told} (see docs/training.md)") from error
    return {review.id: review for review in reviews.scans}

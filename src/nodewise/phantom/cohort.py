"""Many drawn patients on disk, made as one plan asks."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import partial
from importlib.metadata import version
from pathlib import Path

from nodewise.phantom.annotated import check_style
from nodewise.phantom.batch import Progress, Task, check_format, write_patients
from nodewise.phantom.body import BodyRegion
from nodewise.phantom.drawn_body import check_hard
from nodewise.phantom.patient import make_patient
from nodewise.phantom.scan.tissue import Phase
from nodewise.phantom.write import patient_name, write_patient
from nodewise.values.errors import BadInputError
from nodewise.values.grid import Point

_SPACING_MM = (0.4, 10.0)
_WRITING = ("fmt", "annotation")


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked of every patient of a cohort: the arguments of ``make_patient``, and how it is written.

    Raises:
        BadInputError: what cannot be drawn or written.
    """

    spacing_mm: Point = (0.8, 0.8, 2.0)
    region: BodyRegion = BodyRegion.CHEST
    hard: tuple[str, ...] | None = None
    pet: bool = False
    phase: Phase | None = None
    slice_mm: float | None = None
    varied: bool = False
    fmt: str = "nifti"
    annotation: str = "full"

    def __post_init__(self) -> None:
        if not all(_SPACING_MM[0] <= s <= _SPACING_MM[1] for s in self.spacing_mm):
            raise BadInputError(
                f"voxels of {' × '.join(f'{s:g}' for s in self.spacing_mm)} mm cannot be: "
                f"each side is {_SPACING_MM[0]:g} to {_SPACING_MM[1]:g} mm"
            )
        if self.slice_mm is not None and not _SPACING_MM[0] <= self.slice_mm <= _SPACING_MM[1]:
            raise BadInputError(
                f"slices of {self.slice_mm:g} mm cannot be: they are {_SPACING_MM[0]:g} to {_SPACING_MM[1]:g} mm thick"
            )
        check_hard(self.hard, self.region)
        check_style(self.annotation, self.region)
        check_format(self.fmt)

    @property
    def words(self) -> dict[str, str]:
        """As kept in ``truth.json``; what is drawn from the seed is ``drawn``."""
        told = {
            "spacing_mm": "drawn" if self.varied else " × ".join(f"{s:g}" for s in self.spacing_mm),
            "hard": "drawn" if self.hard is None else " ".join(self.hard) or "nothing",
            "phase": self.phase.value if self.phase else "drawn",
            "slice_mm": "drawn" if self.varied else f"{self.slice_mm or self.spacing_mm[2]:g}",
            "pet": "yes" if self.pet else "no",
            "format": self.fmt,
            "annotation": self.annotation,
            "nodewise": version("nodewise"),
        }
        return {"region": self.region.value, **told}


def write_cohort(
    out: Path,
    patients: int,
    seed: int,
    plan: Plan = Plan(),
    *,
    processes: int = 1,
    progress: Progress | None = None,
) -> None:
    """Write ``patients`` patients, the first from ``seed``, as ``write_patient`` does; those already whole are kept.

    Args:
        out: folder, made where it is missing.
        patients: how many.
        seed: of the first; each next one is one more.
        plan: what is asked of each.
        processes: how many at a time; the files are the same whatever their number.
        progress: told (done, total).

    Raises:
        BadInputError: ``out`` holds one of these patients made otherwise, or the plan cannot be.
    """
    made = plan.words
    tasks = [Task(patient_name(s), made, partial(_write, out, s, plan)) for s in range(seed, seed + patients)]
    write_patients(out, tasks, processes=processes, progress=progress)


def _write(out: Path, seed: int, plan: Plan) -> None:
    asked = {f.name: getattr(plan, f.name) for f in fields(plan) if f.name not in _WRITING}
    write_patient(out, seed, make_patient(seed, **asked), plan.fmt, plan.words, plan.annotation)

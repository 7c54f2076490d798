"""``nodewise phantom``: patients with known truth, drawn from a seed or implanted into a real scan."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from nodewise.cli.screen import console, counted
from nodewise.values.errors import BadInputError


class Format(StrEnum):
    """File format of the phantoms' scans."""

    nifti = "nifti"
    dicom = "dicom"


class RegionChoice(StrEnum):
    """Part of the body."""

    chest = "chest"
    neck = "neck"
    abdomen = "abdomen"


class PhaseChoice(StrEnum):
    """Phase of the contrast medium."""

    none = "none"
    arterial = "arterial"
    pulmonary = "pulmonary"
    venous = "venous"


class AnnotationChoice(StrEnum):
    """What a data set would say of the nodes."""

    full = "full"
    partial = "partial"
    station = "station"
    noisy = "noisy"


class PasteChoice(StrEnum):
    """How implants are blended in."""

    alpha = "alpha"
    poisson = "poisson"


Out = Annotated[Path, typer.Argument(metavar="OUT", help="Folder to make.", show_default=False)]
Patients = Annotated[int, typer.Option("--patients", min=1, help="How many.")]
Seed = Annotated[
    int, typer.Option("--seed", min=0, help="Patient i is made from seed + i: the same seed, the same patient.")
]
FormatOption = Annotated[Format, typer.Option("--format", help="Format of the scans.")]
RegionOption = Annotated[RegionChoice, typer.Option("--region", help="Part of the body.")]
PetOption = Annotated[bool, typer.Option("--pet", help="Take a PET too (SUVbw, or Bq/ml as DICOM).")]
HardOption = Annotated[
    list[str] | None,
    typer.Option(
        "--hard",
        metavar="NAME",
        help="Make every patient hard to read: effusion, collapsed_lobe, hilar_mass, post_surgical, conglomerate, "
        "few_nodes, no_nodes. May be given again.",
        show_default="drawn",
    ),
]
PhaseOption = Annotated[PhaseChoice | None, typer.Option("--phase", help="Contrast phase.", show_default="drawn")]
SpacingOption = Annotated[
    tuple[float, float, float] | None,
    typer.Option("--spacing", metavar="X Y Z", help="Voxel spacing of the CT, mm.", show_default="0.8 0.8 2"),
]
SliceOption = Annotated[
    float | None,
    typer.Option(
        "--slice", metavar="MM", min=0.4, help="Thickness of the slices.", show_default="as far as they are apart"
    ),
]
VariedOption = Annotated[
    bool,
    typer.Option(
        "--varied", help="Draw spacing, slices, field of view and orientation for each patient, as scanners differ."
    ),
]
AnnotationOption = Annotated[
    AnnotationChoice,
    typer.Option("--annotation", help="Also write what a data set would say of the nodes, beside the truth."),
]
Jobs = Annotated[
    int | None,
    typer.Option("--jobs", min=1, help="Patients at a time, each in a process.", show_default="all cores"),
]
Into = Annotated[
    Path | None,
    typer.Option(
        "--into", metavar="CT", help="Implant nodes with truth into this real scan instead.", show_default=False
    ),
]
Within = Annotated[
    Path | None,
    typer.Option(
        "--within",
        metavar="MASK",
        help="With --into: where implants may lie, as a mask of the scan (neck, mesentery).",
        show_default="mediastinum",
    ),
]
PasteOption = Annotated[
    PasteChoice | None,
    typer.Option("--paste", help="With --into: how implants are blended in.", show_default="alpha"),
]
Controls = Annotated[bool, typer.Option("--controls/--no-controls", help="With --into: also implant what is no node.")]


def phantom(
    out: Out,
    patients: Patients = 1,
    seed: Seed = 0,
    file_format: FormatOption = Format.nifti,
    region: RegionOption = RegionChoice.chest,
    pet: PetOption = False,
    hard: HardOption = None,
    phase: PhaseOption = None,
    spacing: SpacingOption = None,
    slice_mm: SliceOption = None,
    varied: VariedOption = False,
    annotation: AnnotationOption = AnnotationChoice.full,
    jobs: Jobs = None,
    into: Into = None,
    within: Within = None,
    paste: PasteOption = None,
    controls: Controls = True,
) -> None:
    """Make patients with known truth: drawn whole from a seed, or implanted into a real scan.

    OUT/images holds the scans, OUT/truth the nodes, stations, organs, tumour
    and truth.json of each. Patients that are already there are kept; one that
    was not finished is made again.

    Example: nodewise phantom phantoms --patients 20 --seed 1000 --format dicom

    nodewise phantom hard --patients 8 --hard effusion --hard hilar_mass --pet

    nodewise phantom necks --region neck --phase venous --spacing 0.5 0.5 1

    nodewise phantom clinic --patients 40 --varied --format dicom

    nodewise phantom implanted --into scans/anna --paste poisson
    """
    drawn = {
        "--region": region is not RegionChoice.chest,
        "--pet": pet,
        "--hard": bool(hard),
        "--phase": phase is not None,
        "--spacing": spacing is not None,
        "--slice": slice_mm is not None,
        "--varied": varied,
        "--annotation": annotation is not AnnotationChoice.full,
    }
    implanted = {"--paste": paste is not None, "--within": within is not None, "--no-controls": not controls}
    if into is not None:
        _refuse(drawn, "is of drawn patients: it cannot be asked of a real scan (--into)")
        method = (paste or PasteChoice.alpha).value
        asked: dict[str, Any] = {"paste": method, "negatives": controls, "fmt": file_format.value}
        _implant(out, into, patients, seed, region=within, processes=jobs or os.cpu_count() or 1, **asked)
        return
    _refuse(implanted, "is of implants: name the scan to put them into (--into CT)")
    how: dict[str, Any] = {"pet": pet, "fmt": file_format.value, "annotation": annotation.value}
    if varied and (spacing is not None or slice_mm is not None):
        raise BadInputError("--varied draws spacing and slices: leave --spacing and --slice out")
    if spacing is not None:
        how["spacing_mm"] = spacing
    how |= {"varied": varied, "slice_mm": slice_mm}
    if hard:
        how["hard"] = tuple(dict.fromkeys(hard))
    _draw(out, patients, seed, region, phase, jobs or os.cpu_count() or 1, **how)


def _refuse(given: Mapping[str, bool], why: str) -> None:
    wrong = next((name for name, there in given.items() if there), None)
    if wrong:
        raise BadInputError(f"{wrong} {why}")


def _draw(
    out: Path, patients: int, seed: int, region: RegionChoice, phase: PhaseChoice | None, jobs: int, **how: Any
) -> None:
    from nodewise.phantom.body import BodyRegion
    from nodewise.phantom.cohort import Plan, write_cohort
    from nodewise.phantom.scan.tissue import Phase

    named = {PhaseChoice.venous: Phase.PORTAL}
    wanted = None if phase is None else named.get(phase) or Phase(phase.value)
    plan = Plan(region=BodyRegion(region.value), phase=wanted, **how)
    with _folder(out), counted("phantoms") as progress:
        write_cohort(out, patients, seed, plan, processes=jobs, progress=progress)
    _done(out, patients, "phantom patient" if patients == 1 else "phantom patients")


def _implant(out: Path, scan: Path, patients: int, seed: int, *, region: Path | None, **how: Any) -> None:
    from nodewise.io.whole import require_outside
    from nodewise.phantom.implant import write_implanted

    inputs = [scan, region] if region else [scan]
    absent = next((path for path in inputs if not path.exists()), None)
    if absent:
        raise BadInputError(f"{absent}: there is no such file or folder")
    require_outside(out, *inputs)
    if out.resolve().is_relative_to(scan.resolve()):
        raise BadInputError(f"the results would lie among the scans in {scan}: choose a folder outside it")
    with _folder(out), counted("implants") as progress:
        write_implanted(out, scan, patients, seed, region=region, progress=progress, **how)
    _done(out, patients, f"{'copy' if patients == 1 else 'copies'} of {scan.name} with implants")


@contextmanager
def _folder(out: Path) -> Iterator[None]:
    """OUT, gone again if nothing came to be in it."""
    from nodewise.io.whole import make_folder

    new = not out.exists()
    make_folder(out)
    try:
        yield
    finally:
        if new:
            with suppress(OSError):
                out.rmdir()


def _done(out: Path, count: int, what: str) -> None:
    console.print(f"{count} {what}: scans in {out / 'images'}, truth in {out / 'truth'}", soft_wrap=True)

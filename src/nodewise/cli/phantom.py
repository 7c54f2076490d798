"""``nodewise phantom``: patients with known truth."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from nodewise.cli.screen import console, counted


class Format(StrEnum):
    """File format of the phantoms' scans."""

    nifti = "nifti"
    dicom = "dicom"


def phantom(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder to make.", show_default=False)],
    patients: Annotated[int, typer.Option(min=1, help="How many.")] = 1,
    seed: Annotated[
        int, typer.Option(min=0, help="Patient i is made from seed + i: the same seed, the same patient.")
    ] = 0,
    file_format: Annotated[Format, typer.Option("--format", help="Format of the scans.")] = Format.nifti,
) -> None:
    """Make phantom patients: OUT/images holds their scans, OUT/truth their nodes, stations and N category.

    Example: nodewise phantom phantoms --patients 20 --seed 1000 --format dicom
    """
    from nodewise.io.whole import make_folder
    from nodewise.phantom.write import write_cohort

    make_folder(out)
    with counted("phantoms") as progress:
        write_cohort(out, patients, seed, file_format.value, progress=progress)
    console.print(f"{patients} phantom patients: scans in {out / 'images'}, truth in {out / 'truth'}", soft_wrap=True)

"""``nodewise prepare``: a public data set, checked and written as a folder to train and evaluate on."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from nodewise.cli.screen import console, counted
from nodewise.datasets.case import Annotation
from nodewise.datasets.names import DatasetName
from nodewise.values.errors import BadInputError

if TYPE_CHECKING:
    from nodewise.datasets.case import Dataset, LeftOut
    from nodewise.datasets.prepare.run import Prepared

_SHOWN = 20
_WORDS: tuple[tuple[Annotation, str], ...] = (
    ("full", "annotated in full"),
    ("partial", "in part"),
    ("none", "without labels of nodes"),
)


def prepare(
    name: Annotated[
        DatasetName,
        typer.Argument(
            metavar="NAME",
            help="lnq2023, nih (CT Lymph Nodes), lynos (St. Olavs), totalsegmentator, nnunet, or folder: labelled "
            "scans of your own in any layout that train reads.",
            show_default=False,
        ),
    ],
    root: Annotated[
        Path, typer.Argument(metavar="ROOT", help="Folder that the data set was unpacked into.", show_default=False)
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="OUT", help="Folder to make, complete or absent, to train on.", show_default=False
        ),
    ],
    only: Annotated[
        str | None,
        typer.Option(metavar="PATTERN", help="Cases whose names fit, such as 'MED_*'.", show_default=False),
    ] = None,
    resample_labels: Annotated[
        bool,
        typer.Option(
            "--resample-labels", help="Put labels on other voxels than the CT's on the nearest, not leave them out."
        ),
    ] = False,
    keep_empty: Annotated[
        bool, typer.Option("--keep-empty", help="Keep scans annotated in full in which there is no node.")
    ] = False,
    jobs: Annotated[int, typer.Option(min=1, help="Cases at a time, each in a process of its own.")] = 1,
) -> None:
    """Check a data set and write it as a folder to train and evaluate on; what is left out is listed with the reason.

    Stopped at any moment, the same command goes on where it was. Nothing is
    downloaded: docs/datasets.md says where each data set is had and under
    which licence.

    Example: nodewise prepare lnq2023 downloads/lnq2023 -o data/lnq2023 --jobs 4

    nodewise prepare nih downloads/ct-lymph-nodes -o data/nih --only 'MED_*'
    """
    from nodewise.datasets.named import read_named
    from nodewise.datasets.prepare.check import Rules
    from nodewise.datasets.prepare.run import prepare as prepare_dataset

    dataset = _only(read_named(name, root), only)
    rules = Rules(resampled=resample_labels, keep_empty=keep_empty)
    with counted(f"prepare {name.value}") as progress:
        prepared = prepare_dataset(dataset, out, rules, own=name.own, jobs=jobs, progress=progress)
    _print_left_out(prepared.left_out)
    if not prepared.kept:
        raise BadInputError(f"{root}: none of {len(prepared.left_out)} cases can be used: nothing was written")
    _print_kept(prepared, out)


def _only(dataset: Dataset, pattern: str | None) -> Dataset:
    if pattern is None:
        return dataset
    cases = tuple(case for case in dataset.cases if fnmatchcase(case.name, pattern))
    left_out = tuple(one for one in dataset.left_out if fnmatchcase(one.name, pattern))
    if not cases:
        names = [case.name for case in dataset.cases[:1]]
        raise BadInputError(f"--only {pattern}: no case fits; the names are such as {', '.join(names) or 'none'}")
    return replace(dataset, cases=cases, left_out=left_out)


def _print_left_out(left_out: tuple[LeftOut, ...]) -> None:
    if not left_out:
        return
    table = Table("case", "check", "why", title=f"Left out: {len(left_out)}", title_justify="left")
    for one in left_out[:_SHOWN]:
        table.add_row(escape(one.name), one.check, escape(one.why))
    console.print(table)
    if len(left_out) > _SHOWN:
        console.print(f"and {len(left_out) - _SHOWN} more, in left_out.csv", style="dim")


def _print_kept(prepared: Prepared, out: Path) -> None:
    from nodewise.datasets.prepare.run import patients_with_several

    names = {record.name for record in prepared.kept}
    kinds = Counter(case.annotation for case in prepared.dataset.cases if case.name in names)
    nodes = sum(record.nodes for record in prepared.kept)
    warned = sum(bool(record.warnings) for record in prepared.kept)
    told = ", ".join(f"{kinds[kind]} {word}" for kind, word in _WORDS if kinds[kind])
    counted_cases = f"{len(names)} case{'s' * (len(names) > 1)} ({told})"
    console.print(f"{counted_cases} with {nodes} node{'s' * (nodes != 1)}: {escape(str(out))}", soft_wrap=True)
    several = patients_with_several(prepared)
    if several:
        console.print(f"patients with several scans, which folds keep together: {len(several)}", soft_wrap=True)
    if warned:
        console.print(f"warnings on {warned} of {len(names)}: {escape(str(out / 'checked.csv'))}", soft_wrap=True)
    about = prepared.dataset.about
    if about is not None:
        console.print(
            f"licence: {escape(about.licence)}; cite: {escape(about.citation or about.title)}", soft_wrap=True
        )

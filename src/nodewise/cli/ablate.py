"""``nodewise ablate``: a paper's steps one after another, to see what each of them is worth."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Column, Table

from nodewise.cli.options import Device, DeviceOption, ThreadsOption, use_threads
from nodewise.cli.screen import console, counted_stages
from nodewise.cli.train_prior import AtlasOption, SizeChoice, SizeOption
from nodewise.values.errors import BadInputError

if TYPE_CHECKING:
    from nodewise.evaluate.papers.table import PaperTable


class AblatedRecipe(StrEnum):
    """What can be ablated."""

    atlas_prior = "atlas_prior"


def ablate(
    recipe: Annotated[AblatedRecipe, typer.Argument(help="The system whose steps are tried.")],
    out: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="OUT", help="Folder of all runs, and of tables.md.", show_default=False),
    ],
    data: Annotated[
        Path,
        typer.Option(
            metavar="DATA",
            help="Labelled scans to train on, partly and fully annotated ones together.",
            exists=True,
            file_okay=False,
            show_default=False,
        ),
    ],
    test: Annotated[
        Path | None,
        typer.Option(
            metavar="TEST",
            help="Fully annotated scans to measure on. (default: a fifth of the fully annotated patients of DATA)",
            exists=True,
            file_okay=False,
            show_default=False,
        ),
    ] = None,
    runs: Annotated[int, typer.Option(min=1, max=99, help="Trainings of each row.")] = 5,
    rows: Annotated[
        str | None,
        typer.Option(
            metavar="N,…", help="Rows of the tables, 1 to 6, such as 4,5,6. (default: all)", show_default=False
        ),
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Of the optimiser.", show_default="150000")] = None,
    size: SizeOption = SizeChoice.paper,
    atlas: AtlasOption = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the first run; the next has one more.")] = 0,
    device: DeviceOption = Device.auto,
    devices: Annotated[int, typer.Option(min=1, help="How many of them.")] = 1,
    workers: Annotated[int, typer.Option(min=0, help="Threads that make batches ahead.")] = 1,
    threads: ThreadsOption = None,
) -> None:
    """Train the rows of P3's Tables 3 and 4 several times, and print them beside the paper's, with p-values.

    Stopped at any moment, the same command goes on where it was.

    Example: nodewise ablate atlas_prior --data chests -o runs/ablation --runs 5 --steps 2000 --size small
    """
    import torch

    from nodewise.recipes.atlas_prior.ablate import Ablation
    from nodewise.recipes.atlas_prior.ablate import ablate as run_all
    from nodewise.recipes.atlas_prior.effort import Effort
    from nodewise.recipes.atlas_prior.material import LANDMARKS
    from nodewise.recipes.atlas_prior.table import ablation_tables, write_tables
    from nodewise.recipes.atlas_prior.way import SIZES, STEPS

    use_threads(threads)
    effort = Effort(
        steps=steps or STEPS,
        size=SIZES[size.value],
        seed=seed,
        device=device.value,
        devices=devices,
        processes=torch.get_num_threads(),
        workers=workers,
        atlas=atlas,
    )
    with counted_stages(f"ablate {recipe.value}") as progress:
        made = run_all(out, data, Ablation(effort, runs, _rows(rows)), LANDMARKS, test=test, progress=progress)
    for table in ablation_tables(made):
        console.print(_shown(table))
    console.print(f"tables: {write_tables(made, out)}", soft_wrap=True)


def _shown(table: PaperTable) -> Table:
    """This data's rows, and dim below a line the paper's."""
    from nodewise.evaluate.papers.table import AS_PRINTED

    columns = (Column(name, overflow="fold") for name in ("", *table.columns))
    shown = Table(*columns, title=table.title, title_justify="left", caption=f"dim: {AS_PRINTED}")
    for place, line in enumerate(table.lines):
        last = not line.printed and table.lines[place + 1 :] and table.lines[place + 1].printed
        style = "dim" if line.printed else ""
        shown.add_row(escape(line.label), *map(escape, line.cells), style=style, end_section=bool(last))
    return shown


def _rows(words: str | None) -> tuple[str, ...]:
    from nodewise.recipes.atlas_prior.way import ROWS

    names = tuple(ROWS)
    if words is None:
        return names
    numbers = [word.strip() for word in words.split(",")]
    for word in numbers:
        if not (word.isdigit() and 1 <= int(word) <= len(names)):
            raise BadInputError(f"--rows: there is no row {word!r}: name some of 1 to {len(names)}, such as 4,5,6")
    return tuple(name for place, name in enumerate(names, 1) if str(place) in {str(int(n)) for n in numbers})

"""``nodewise evaluate``: predictions held against truth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from nodewise.cli.screen import console

_FROM_MM = (0.0, 5.0, 10.0)


def evaluate(
    truth: Annotated[
        Path,
        typer.Argument(
            metavar="TRUTH", help="Folder of true nodes: the truth folder of nodewise phantom.", show_default=False
        ),
    ],
    prediction: Annotated[
        Path,
        typer.Argument(
            metavar="PREDICTION", help="Folder written by nodewise predict for the same names.", show_default=False
        ),
    ],
) -> None:
    """Recall, false positives, Dice and stations of predictions whose truth is known.

    Example: nodewise evaluate phantoms/truth out/phantoms
    """
    from nodewise.evaluate import evaluate_folders, summarize

    cases = evaluate_folders(truth, prediction)
    each = Table(
        "case", "nodes", "found", "false positives", "N true", "N named", "seconds", title="Cases", title_justify="left"
    )
    for case in cases:
        found = sum(n.found_by is not None for n in case.nodes)
        row = (case.name, len(case.nodes), found, case.false_positives, case.category_true, case.category_named)
        each.add_row(*map(str, row), f"{case.seconds:.0f}")
    console.print(each)
    columns = (
        "short axis",
        "nodes",
        "recall",
        "false positives a case",
        "Dice of found",
        "station right",
        "wrong side",
    )
    pooled = Table(*columns, title=f"All {len(cases)} cases", title_justify="left")
    for from_mm in _FROM_MM:
        s = summarize(cases, from_mm)
        pooled.add_row(
            f"≥ {from_mm:.0f} mm",
            str(s.nodes),
            _percent(s.recall),
            f"{s.false_positives_a_case:.1f}",
            "–" if s.dice_found is None else f"{s.dice_found:.2f}",
            _percent(s.station_right),
            str(s.laterality_errors),
        )
    console.print(pooled)


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.0f} %"

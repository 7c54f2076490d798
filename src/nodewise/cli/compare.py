"""``nodewise compare``: several runs over the same cases."""

from __future__ import annotations

import math
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from nodewise.cli.evaluate import (
    Connectivity,
    ConnectivityOption,
    JobsOption,
    Labelling,
    LogitsOption,
    Missing,
    MissingOption,
    PredictionLabelsOption,
    SeedOption,
    ThresholdOption,
    TruthLabelsOption,
    reading,
)
from nodewise.cli.options import OverwriteOption
from nodewise.cli.screen import console, counted

if TYPE_CHECKING:
    from nodewise.evaluate.compare import Comparison, Test


class Reference(StrEnum):
    """What each run is tested against."""

    previous = "previous"
    first = "first"


def compare(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="A B …",
            help="Evaluations (folders with cases.csv), folders of predictions, or folders that hold several of "
            "either: training runs of one configuration.",
            show_default=False,
        ),
    ],
    truth: Annotated[
        Path | None,
        typer.Option(
            "--truth", metavar="T", help="What predictions are held against; as in evaluate.", show_default=False
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="OUT",
            help="Folder to make: comparison.csv, ranking.csv, kendall.csv, paired_cases.csv.",
            show_default=False,
        ),
    ] = None,
    against: Annotated[Reference, typer.Option(help="Which run each one is tested against.")] = Reference.previous,
    threshold: ThresholdOption = 0.5,
    missing: MissingOption = Missing.refuse,
    truth_labels: TruthLabelsOption = Labelling.auto,
    prediction_labels: PredictionLabelsOption = Labelling.auto,
    logits: LogitsOption = False,
    connectivity: ConnectivityOption = Connectivity.corners,
    bootstraps: Annotated[int, typer.Option(min=2, help="Cohorts drawn for intervals and ranking.")] = 1000,
    seed: SeedOption = 2026,
    jobs: JobsOption = 1,
    overwrite: OverwriteOption = False,
) -> None:
    """Paired differences with 95 % intervals, the ranking of LNQ2023 with bootstraps, and P3's one-sided t-test.

    Example: nodewise compare out/without-prior out/with-prior --truth phantoms/truth
    """
    from nodewise.evaluate.compare import compare as hold_against
    from nodewise.evaluate.runs import Evaluation, read_configurations
    from nodewise.evaluate.write_comparison import write_comparison
    from nodewise.io.whole import require_free, require_outside
    from nodewise.values.errors import BadInputError

    if len(runs) < 2:
        raise BadInputError(f"a comparison needs at least two runs, and {runs[0]} is one")
    if out is not None:
        require_outside(out, *runs, *filter(None, (truth,)))
        require_free(out, overwrite=overwrite)
    how = reading(threshold, truth_labels, prediction_labels, logits, connectivity)
    with counted("cases") as progress:
        evaluation = Evaluation(truth, how, missing.value, jobs, progress)
        configurations = read_configurations(runs, evaluation)
    comparison = hold_against(configurations, against=against.value, bootstraps=bootstraps, seed=seed)
    _print_ranking(comparison)
    for second in comparison.names[1:]:
        _print_tests([test for test in comparison.tests if test.second == second])
    if out is not None:
        write_comparison(comparison, configurations, out, overwrite=overwrite)
        console.print(f"comparison: {escape(str(out))}", soft_wrap=True)


def _print_ranking(comparison: Comparison) -> None:
    r, several = comparison.ranking, max(comparison.runs) > 1
    plural = "s" if len(comparison.cases) > 1 else ""
    title = f"Ranking by Dice and ASSD as LNQ2023, {len(comparison.cases)} case{plural}"
    table = Table("", "place", "95 %", "mean rank", "first in", "Dice", "ASSD mm", title=title, title_justify="left")
    for n in r.place.argsort(kind="stable"):
        name = comparison.names[n]
        dice, assd = comparison.means[name]["dice"], comparison.means[name]["assd_lnq_mm"]
        left_out = f" ({assd.undefined} undefined)" if assd.undefined else ""
        table.add_row(
            escape(name) + (f" ({comparison.runs[n]} runs)" if several else ""),
            str(r.place[n]),
            f"{r.place_low[n]:.0f}–{r.place_high[n]:.0f}",
            f"{r.score[n]:.3f}",
            f"{100 * r.first[n]:.0f} %",
            f"{_or_dash(dice.value, '.4f')} ± {_or_dash(dice.deviation, '.4f')}",
            f"{_or_dash(assd.value, '.3f')} ± {_or_dash(assd.deviation, '.3f')}{left_out}",
        )
    console.print(table)
    defined = sorted(tau for tau in r.kendall.tolist() if not math.isnan(tau))
    if defined:
        low, middle = defined[int(0.025 * len(defined))], defined[len(defined) // 2]
        console.print(
            f"Kendall's τ of {r.kendall.size} bootstraps with this ranking: median {middle:.2f}, "
            f"2.5th percentile {low:.2f}.",
            style="dim",
            soft_wrap=True,
        )


def _print_tests(tests: list[Test]) -> None:
    first, second = escape(tests[0].first), escape(tests[0].second)
    table = Table(
        "",
        "cases",
        first,
        second,
        "difference",
        "95 %",
        "more / same / less",
        "p",
        title=f"{second} against {first}: paired by case",
        title_justify="left",
    )
    for test in tests:
        paired, difference = test.paired, test.paired.difference
        table.add_row(
            test.figure,
            str(paired.cases),
            _or_dash(paired.first, ".4f"),
            _or_dash(paired.second, ".4f"),
            _or_dash(difference.value, "+.4f"),
            f"{_or_dash(difference.low, '+.4f')} to {_or_dash(difference.high, '+.4f')}",
            f"{paired.larger} / {paired.equal} / {paired.smaller}",
            ("[bold]{}[/]" if test.p < 0.05 else "{}").format(_or_dash(test.p, ".3g")),
        )
    console.print(table)
    unit = "the training runs' means, as P3" if tests[0].over == "runs" else "the cases; P3's is over training runs"
    console.print(
        f"p: one-sided t-test that {second} is better, equal variances, over {unit}.", style="dim", soft_wrap=True
    )


def _or_dash(value: float, form: str) -> str:
    return "–" if math.isnan(value) else format(value, form)

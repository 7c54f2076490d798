"""``nodewise evaluate``: predictions held against truth."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.markup import escape
from rich.table import Table

from nodewise.cli.options import OverwriteOption
from nodewise.cli.screen import console, counted, stages

if TYPE_CHECKING:
    from nodewise.evaluate.papers.table import PaperTable
    from nodewise.evaluate.read import Reading
    from nodewise.evaluate.record import Case


class Missing(StrEnum):
    """What becomes of a truth without a prediction."""

    refuse = "refuse"
    empty = "empty"
    skip = "skip"


class Labelling(StrEnum):
    """What whole numbers in a file mean."""

    auto = "auto"
    mask = "mask"
    instances = "instances"
    classes = "classes"


class Connectivity(StrEnum):
    """Which neighbours belong to one component."""

    faces = "6"
    edges = "18"
    corners = "26"


_NEIGHBOURS: dict[Connectivity, Literal[6, 18, 26]] = {
    Connectivity.faces: 6,
    Connectivity.edges: 18,
    Connectivity.corners: 26,
}


class Paper(StrEnum):
    """Whose tables to print."""

    P1 = "P1"
    P2 = "P2"
    P3 = "P3"
    P4 = "P4"
    P5 = "P5"


ThresholdOption = Annotated[
    float, typer.Option("--threshold", help="Probability from which a voxel of a map is lymph node.", min=0.0, max=1.0)
]
TruthLabelsOption = Annotated[
    Labelling,
    typer.Option(
        "--truth-labels",
        help="Whole numbers of the truth: one mask, instances, or classes 1 negative 2 positive 3 ENE.",
    ),
]
PredictionLabelsOption = Annotated[
    Labelling,
    typer.Option("--prediction-labels", help="The same of the predictions; auto refuses what can be read in two ways."),
]
LogitsOption = Annotated[bool, typer.Option("--logits", help="Maps that leave 0 to 1 are logits.")]
ConnectivityOption = Annotated[
    Connectivity, typer.Option("--connectivity", help="Neighbours that make one component of a mask.")
]


def reading(
    threshold: float, truth_labels: Labelling, prediction_labels: Labelling, logits: bool, connectivity: Connectivity
) -> Reading:
    """The options of both verbs that say how files are to be understood."""
    from nodewise.evaluate.read import Reading

    return Reading(
        threshold=threshold,
        connectivity=_NEIGHBOURS[connectivity],
        truth_labels=truth_labels.value,
        prediction_labels=prediction_labels.value,
        logits=logits,
    )


TruthArgument = Annotated[
    Path,
    typer.Argument(
        metavar="TRUTH",
        help="Mask or instances of one patient, a folder of them by name, what nodewise phantom wrote, a data set "
        "that nodewise train reads, or a CSV with the columns truth and prediction (and name, image, n_positive, "
        "primary_side, n_category_8, n_category_9).",
        show_default=False,
    ),
]
PredictionArgument = Annotated[
    Path | None,
    typer.Argument(
        metavar="PREDICTION",
        help="The same names: masks, instances, probability maps, or folders by nodewise predict.",
        show_default=False,
    ),
]
OutOption = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="OUT",
        help="Folder to make, complete or absent: evaluation.html, summary.json, cases.csv, nodes.csv, "
        "operating_points.csv. Without it the tables are only printed.",
        show_default=False,
    ),
]
PaperOption = Annotated[
    list[Paper] | None,
    typer.Option(
        "--paper",
        help="Also print this paper's own tables beside what the paper printed, and draw its figures; may be repeated.",
    ),
]
ImagesOption = Annotated[
    Path | None,
    typer.Option(
        help="CTs by the same names, for the pictures; those of nodewise phantom are found by themselves.",
        show_default=False,
    ),
]
MissingOption = Annotated[
    Missing, typer.Option(help="A truth without a prediction: refuse, count it as empty, or skip it.")
]
BootstrapsOption = Annotated[int, typer.Option(min=0, help="Cohorts drawn for the 95 % intervals; 0 gives none.")]
SeedOption = Annotated[int, typer.Option(min=0, help="Of those draws.")]
JobsOption = Annotated[int, typer.Option(min=1, help="Cases read at once, each in a process of its own.")]


def evaluate(
    truth: TruthArgument,
    prediction: PredictionArgument = None,
    out: OutOption = None,
    threshold: ThresholdOption = 0.5,
    paper: PaperOption = None,
    images: ImagesOption = None,
    missing: MissingOption = Missing.refuse,
    truth_labels: TruthLabelsOption = Labelling.auto,
    prediction_labels: PredictionLabelsOption = Labelling.auto,
    logits: LogitsOption = False,
    connectivity: ConnectivityOption = Connectivity.corners,
    bootstraps: BootstrapsOption = 1000,
    seed: SeedOption = 2026,
    jobs: JobsOption = 1,
    overwrite: OverwriteOption = False,
) -> None:
    """Every metric of predictions whose truth is known, with 95 % intervals by patient bootstrap.

    Example: nodewise evaluate phantoms/truth out/phantoms -o evaluation
    """
    from nodewise.evaluate.cohort import summarize
    from nodewise.evaluate.pairs import find_pairs
    from nodewise.evaluate.papers.choose import pictures_of, tables_of
    from nodewise.evaluate.run import evaluate_pairs
    from nodewise.evaluate.write import made_by, write_evaluation
    from nodewise.io.whole import require_free, require_outside

    if out is not None:
        require_outside(out, *filter(None, (truth, prediction, images)))
        require_free(out, overwrite=overwrite)
    how = reading(threshold, truth_labels, prediction_labels, logits, connectivity)
    pairs = find_pairs(truth, prediction, images=images, missing=missing.value)
    with counted(f"{len(pairs)} cases") as progress:
        cases = evaluate_pairs(pairs, how, jobs=jobs, progress=progress)
    _print_cases(cases)
    _print_strata(cases)
    if out is None and not paper:
        return
    with stages("evaluation", 2) as on_stage:
        on_stage("intervals")
        cohort = summarize(cases, bootstraps=bootstraps, seed=seed)
        tables = [table for key in dict.fromkeys(paper or ()) for table in tables_of(key.value, cohort)]
        on_stage("page")
        if out is not None:
            pictures = [picture for key in dict.fromkeys(paper or ()) for picture in pictures_of(key.value, cohort)]
            made = made_by(how)
            write_evaluation(cohort, made, out, papers=tables, pictures=pictures, overwrite=overwrite)
    for table in tables:
        _print_paper(table)
    if out is not None:
        console.print(f"evaluation: {escape(str(out / 'evaluation.html'))}", soft_wrap=True)


def _print_cases(cases: Sequence[Case]) -> None:
    each = Table(title="Cases", title_justify="left")
    each.add_column("case", no_wrap=True, overflow="fold")
    for column in ("nodes", "found", "false positives", "Dice", "N true", "N named", "seconds"):
        each.add_column(column)
    for case in cases:
        found = sum(n.found_by is not None for n in case.nodes)
        false = sum(n.hits is None for n in case.predicted)
        true, named = case.patient.category_9, case.patient.named_9
        if true is None and case.patient.category_8:
            true, named = case.patient.category_8, case.patient.named_8
        seconds = "–" if case.seconds is None else f"{case.seconds:.0f}"
        counts = (len(case.nodes), found, false, f"{case.voxels.dice():.2f}")
        each.add_row(escape(case.name), *map(str, counts), true or "–", named or "–", seconds)
        for line in case.warnings:
            console.print(f"[yellow]warning:[/] {escape(case.name)}: {escape(line)}", soft_wrap=True)
    console.print(each)


def _print_strata(cases: Sequence[Case]) -> None:
    from nodewise.evaluate.groups import STRATA_MM
    from nodewise.evaluate.strata import stratum

    columns = (
        "short axis",
        "nodes",
        "recall",
        "false positives a case",
        "Dice of found",
        "station right",
        "wrong side",
    )
    plural = "s" if len(cases) > 1 else ""
    pooled = Table(*columns, title=f"All {len(cases)} case{plural}", title_justify="left")
    for above_mm in STRATA_MM:
        s = stratum(cases, above_mm)
        pooled.add_row(
            f"> {above_mm:.0f} mm",
            str(s.nodes),
            _percent(s.recall),
            f"{s.false_positives_a_case:.1f}",
            "–" if s.dice_found is None else f"{s.dice_found:.2f}",
            _percent(s.station_right),
            str(s.laterality_errors),
        )
    console.print(pooled)


def _print_paper(table: PaperTable) -> None:
    from nodewise.evaluate.papers.table import AS_PRINTED

    shown = Table(title=f"{table.paper}, {table.title}", title_justify="left")
    for column in ("", *table.columns):
        shown.add_column(column)
    for line in table.lines:
        if line.printed and not (shown.rows and shown.rows[-1].style):
            shown.add_section()
        shown.add_row(escape(line.label), *map(escape, line.cells), style="dim" if line.printed else None)
    console.print(shown)
    if any(line.printed for line in table.lines):
        console.print(f"Lower part: {AS_PRINTED}.", style="dim", soft_wrap=True)
    for note in table.notes:
        console.print(note, style="dim", soft_wrap=True)


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.0f} %"

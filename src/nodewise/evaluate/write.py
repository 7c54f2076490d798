"""The folder of an evaluation: complete or absent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from nodewise.evaluate.cohort import Cohort
from nodewise.evaluate.page import page
from nodewise.evaluate.papers.picture import PaperPicture
from nodewise.evaluate.papers.table import PaperTable
from nodewise.evaluate.read import Reading
from nodewise.evaluate.tables import Cell, write_tables
from nodewise.io.whole import whole


def write_evaluation(
    cohort: Cohort,
    made: Mapping[str, Cell],
    out: Path,
    *,
    papers: Sequence[PaperTable] = (),
    pictures: Sequence[PaperPicture] = (),
    overwrite: bool = False,
) -> None:
    """Write ``cases.csv``, ``nodes.csv``, ``operating_points.csv``, ``summary.json`` and ``evaluation.html``.

    Args:
        cohort: what to write.
        made: how it was made, by name; part of the summary and of the page's foot.
        out: folder to make.
        papers: tables for the page.
        pictures: figures for the page, each also as a PNG in ``figures``.
        overwrite: replace what is there.

    Raises:
        BadInputError: the folder holds something, or cannot be written.
    """
    with whole(out, overwrite=overwrite) as folder:
        write_tables(cohort, made, folder)
        for shown in pictures:
            (folder / "figures").mkdir(exist_ok=True)
            (folder / "figures" / f"{shown.name}.png").write_bytes(shown.png)
        (folder / "evaluation.html").write_text(page(cohort, made, papers, pictures), encoding="utf-8")


def made_by(how: Reading) -> dict[str, Cell]:
    """How an evaluation is made, by name."""
    return {
        "nodewise_version": version("nodewise"),
        "threshold": how.threshold,
        "connectivity": how.connectivity,
        "truth_labels": how.truth_labels,
        "prediction_labels": how.prediction_labels,
    }

"""One network's answers on scans held out, measured as P3 does, and kept case by case."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np
import numpy.typing as npt

from nodewise.datasets.read import load_case
from nodewise.metrics.bootstrap import mean
from nodewise.metrics.lesionwise import count_lesions
from nodewise.metrics.overlap import count_voxels
from nodewise.metrics.surface import assd
from nodewise.recipes.atlas_prior.after import NONE, nodes
from nodewise.recipes.atlas_prior.cases import Lay
from nodewise.recipes.atlas_prior.segment import PriorSegmenter
from nodewise.recipes.atlas_prior.survey import Surveyed

PLAIN, POST = "plain", "post"
"""Without post-processing (Table 3), and with it (Table 4)."""
FIGURES = ("dice", "assd_mm", "precision", "recall", "ln_found")


@dataclass(frozen=True, slots=True)
class Measured:
    """One case: the voxels and the surfaces, and lesions found and missed; NaN where one is not defined."""

    case: str
    how: str
    dice: float
    assd_mm: float
    precision: float
    recall: float
    found: int
    missed: int


def measure_run(
    segmenter: PriorSegmenter,
    cases: Sequence[Surveyed],
    lay: Lay,
    progress: Callable[[int], None] = lambda _done: None,
) -> list[Measured]:
    """Every case, at a half of the probability and as the segmenter's post-processing has it.

    Args:
        segmenter: of the network or networks.
        cases: held out.
        lay: their anatomy with its prior.
        progress: told how many are done.
    """
    found = []
    for number, one in enumerate(cases, 1):
        loaded, anatomy = load_case(one.case), lay(one)
        answer = segmenter.answer(loaded.study, anatomy)
        box = loaded.study.ct.grid.box_of(answer.grid)
        for how, after in ((PLAIN, NONE), (POST, segmenter.after)):
            mask = np.zeros(loaded.nodes.grid.shape, bool, order="F")
            mask[box.slices] = nodes(answer, after)
            if loaded.ignore is not None:
                mask &= ~loaded.ignore.array | (loaded.nodes.array > 0)
            found.append(measured(one.case.name, how, loaded.nodes.array, mask, loaded.nodes.grid.spacing))
        progress(number)
    return found


def measured(
    case: str,
    how: str,
    truth: npt.NDArray[np.integer],
    mask: npt.NDArray[np.bool_],
    spacing: tuple[float, float, float],
) -> Measured:
    """One answer beside the truth: Dice, ASSD as in LNQ2023, precision, recall, lesions as in BraTS 2023."""
    voxels, lesions = count_voxels(truth, mask), count_lesions(truth, mask)
    return Measured(
        case,
        how,
        voxels.dice(),
        assd(truth, mask, spacing),
        voxels.precision,
        voxels.recall,
        lesions.found,
        lesions.missed,
    )


def figures_of(cases: Sequence[Measured], how: str) -> Mapping[str, float]:
    """``FIGURES`` of one run: means over the cases where defined, and LN found pooled over them."""
    chosen = [case for case in cases if case.how == how]
    found, missed = sum(case.found for case in chosen), sum(case.missed for case in chosen)
    means = {name: mean(np.array([getattr(case, name) for case in chosen])) for name in FIGURES[:4]}
    return {**means, "ln_found": found / (found + missed) if found + missed else math.nan}


def write_measured(cases: Sequence[Measured], path: Path) -> None:
    """As CSV, written aside and renamed."""
    aside = path.with_suffix(".part.csv")
    with aside.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow([field.name for field in fields(Measured)])
        rows.writerows(astuple(case) for case in cases)
    aside.replace(path)


def read_measured(path: Path) -> list[Measured]:
    """What ``write_measured`` wrote."""
    with path.open(newline="", encoding="utf-8") as file:
        return [
            Measured(
                case=row["case"],
                how=row["how"],
                dice=float(row["dice"]),
                assd_mm=float(row["assd_mm"]),
                precision=float(row["precision"]),
                recall=float(row["recall"]),
                found=int(row["found"]),
                missed=int(row["missed"]),
            )
            for row in csv.DictReader(file)
        ]

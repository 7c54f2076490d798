"""P3, Engelson, Ehrhardt et al.: the columns of Tables 3 and 4."""

from __future__ import annotations

import numpy as np

from nodewise.evaluate.cohort import Cohort
from nodewise.evaluate.papers.printed import P3_TABLE_3, P3_TABLE_4, Cells
from nodewise.evaluate.papers.table import HERE, PaperTable, beside, shown, why_not
from nodewise.metrics.bootstrap import deviation, mean, penalised

_NAMES = ("dice_mean", "assd_lnq_mean", "precision_mean", "recall_mean", "ln_found_pooled")


def tables(cohort: Cohort) -> tuple[PaperTable, ...]:
    """P3's tables on a cohort, beside its own."""
    ours = [(HERE, _row(cohort))]
    distances = np.array([case.assd_mm["lnq"] for case in cohort.cases])
    missing = int(np.isnan(distances).sum())
    worst = "" if missing == distances.size or not missing else shown(mean(penalised(distances)))
    notes = (
        "± is the standard deviation over cases here. LN found is pooled over nodes; its mean over cases is "
        f"{shown(cohort.figures['ln_found_mean'].value, 4)}.",
        f"ASSD is not defined in {missing} cases with an empty mask; {worst} mm where they count as the largest "
        "distance of any case, as the ranking of LNQ2023 does."
        if worst
        else "",
        why_not(cohort, *_NAMES),
    )
    return beside("P3", P3_TABLE_3, ours, *notes), beside("P3", P3_TABLE_4, ours, *notes)


def _row(cohort: Cohort) -> Cells:
    voxels = [case.voxels for case in cohort.cases]
    each = (
        [v.dice() for v in voxels],
        [case.assd_mm["lnq"] for case in cohort.cases],
        [v.precision for v in voxels],
        [v.recall for v in voxels],
    )
    spread = [deviation(np.array(values, dtype=np.float64)) for values in each]
    values = [cohort.figures[name].value for name in _NAMES]
    cells = [shown(v, 4, s) for v, s in zip(values[:4], spread, strict=True)]
    return (*cells, shown(values[4], 4))

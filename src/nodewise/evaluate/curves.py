"""What the page draws: FROC, recall by size and by overlap, ROC, and the confusion tables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nodewise.evaluate.cohort import Cohort
from nodewise.evaluate.figures import Bar, Curve
from nodewise.evaluate.groups import STRATA_MM
from nodewise.evaluate.patient_groups import have_maps, ranking_of
from nodewise.evaluate.record import Case
from nodewise.evaluate.stations import same_station
from nodewise.metrics.bootstrap import bootstrap
from nodewise.metrics.detection import SIZE_EDGES_MM, rate_by_overlap, rate_by_size
from nodewise.metrics.detections import component_hits
from nodewise.metrics.froc import froc
from nodewise.metrics.record import restrict
from nodewise.metrics.roc import roc
from nodewise.staging.rules import CATEGORIES
from nodewise.values.station import Station

SIZE_NAMES = ("< 5 mm", "5–10 mm", "10–15 mm", "≥ 15 mm")
CLASS_NAMES = ("background", "negative", "positive", "extranodal")
_FURTHEST = 10.0  # false positives a case


@dataclass(frozen=True, slots=True)
class Confusion:
    """Counts of what is true (rows) by what was named (columns); ``right`` marks the cells that agree."""

    title: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    right: tuple[tuple[bool, ...], ...]

    def share(self, row: int, column: int) -> float:
        """Of the row's sum; 0 of an empty row."""
        return self.counts[row][column] / max(1, sum(self.counts[row]))

    def sensitivity(self, row: int) -> float | None:
        """Share of the row that was named rightly; None of an empty row."""
        whole = sum(self.counts[row])
        hit = sum(count for count, right in zip(self.counts[row], self.right[row], strict=True) if right)
        return hit / whole if whole else None

    def specificity(self, row: int) -> float | None:
        """Share of the other rows that was not named as this one; None without other rows."""
        others = [counts for n, counts in enumerate(self.counts) if n != row]
        whole = sum(map(sum, others))
        false = sum(sum(c for c, right in zip(counts, self.right[row], strict=True) if right) for counts in others)
        return 1 - false / whole if whole else None


def froc_curves(cohort: Cohort) -> tuple[tuple[Curve, ...], float]:
    """One curve a stratum that has nodes, with its band, the predictions' own point marked; and where x may end."""
    curves, last = [], 0.0
    for above_mm, band in zip(STRATA_MM, cohort.bands, strict=True):
        records = [restrict(case.instances, above_mm) for case in cohort.cases]
        nodes = sum(int((~record.truth_ignored).sum()) for record in records)
        if not nodes:
            continue
        curve = froc(component_hits(records))
        end = (float(curve.false_positives[-1]), float(curve.recall[-1]))
        last = max(last, end[0])
        banded = bool(np.isfinite(band.low).all())
        curves.append(
            Curve(
                name=f"> {above_mm:.0f} mm (n = {nodes})",
                x=np.append(curve.false_positives, _FURTHEST),
                y=np.append(curve.recall, curve.recall[-1]),  # held beyond its end
                band=(band.x, band.low, band.high) if banded else None,
                marked=end if end[0] <= _FURTHEST else None,
            )
        )
    return tuple(curves), min(_FURTHEST, max(1.0, math.ceil(last * 1.1)))


def size_bars(cohort: Cohort) -> tuple[Bar, ...]:
    """Share of true nodes of which any part was found, by short axis (P4, Figure S4), with intervals."""
    each = np.array([rate_by_size([case.instances], SIZE_EDGES_MM) for case in cohort.cases])
    found, nodes = each[:, :, 0], each[:, :, 1]

    def statistic(weights: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        with np.errstate(invalid="ignore"):
            return np.asarray((weights @ found) / (weights @ nodes))

    intervals = bootstrap(statistic, len(cohort.cases), replicates=max(cohort.bootstraps, 1), seed=cohort.seed)
    bars = []
    for name, interval, count in zip(SIZE_NAMES, intervals, nodes.sum(axis=0).tolist(), strict=True):
        low, high = (interval.low, interval.high) if cohort.bootstraps > 1 and count else (None, None)
        bars.append(Bar(name, interval.value if count else None, count, low, high))
    return tuple(bars)


def overlap_curve(cohort: Cohort) -> tuple[Curve, ...]:
    """Detection rate by the share of a node that has to be covered (P4, Figure S3); empty without nodes."""
    x = np.linspace(0, 1, 101)
    rate = rate_by_overlap([case.instances for case in cohort.cases], x.tolist())
    return () if np.isnan(rate).all() else (Curve("", x, rate),)


def roc_curves(cohort: Cohort) -> tuple[Curve, ...]:
    """Patients by malignancy and by size (P1, Figure 6); empty where only one N status is there."""
    curves = []
    for name, key, values in (
        ("probability of malignancy", "patient_auc", [c.patient.score_bulk for c in cohort.cases]),
        ("largest short axis", "patient_auc_size", [c.patient.size_mm for c in cohort.cases]),
    ):
        figure = cohort.figures[key]
        known = [(c.patient.positive, v) for c, v in zip(cohort.cases, values, strict=True)]
        kept = [(positive, value) for positive, value in known if positive is not None and value is not None]
        if figure.value is None:
            continue
        curve = roc(np.array([p for p, _ in kept], dtype=bool), np.array([v for _, v in kept], dtype=np.float64))
        curves.append(Curve(f"{name}, AUC {figure.value:.2f}", curve.false_positive_rate, curve.sensitivity))
    return tuple(curves)


def confusions(cases: Sequence[Case]) -> tuple[Confusion, ...]:
    """Stations, N categories of both editions, voxel classes: those that the data gives."""
    tables = [station_confusion(cases), *(_categories(cases, edition) for edition in CATEGORIES), _classes(cases)]
    return tuple(table for table in tables if table is not None)


def station_confusion(cases: Sequence[Case]) -> Confusion | None:
    """Stations of true nodes by what the prediction names; None where it names none."""
    pairs: list[tuple[Station, Station | None]] = []
    by_map = have_maps(cases)
    for case in cases:
        for node in case.nodes:
            ranking = ranking_of(node, by_map=by_map)
            if node.station is not None and ranking is not None:
                pairs.append((node.station, ranking[0] if ranking else None))
    if not any(named for _, named in pairs):
        return None
    rows = [s for s in Station if any(s is true for true, _ in pairs)]
    columns = [s for s in Station if any(s is named for _, named in pairs)]
    given: list[Station | None] = [*columns, *([None] if any(named is None for _, named in pairs) else [])]
    return Confusion(
        title="Stations",
        rows=tuple(s.code for s in rows),
        columns=tuple(s.code if s else "none" for s in given),
        counts=tuple(tuple(sum(t is r and n is c for t, n in pairs) for c in given) for r in rows),
        right=tuple(tuple(same_station(r, c) for c in given) for r in rows),
    )


def _categories(cases: Sequence[Case], edition: int) -> Confusion | None:
    pairs = [(getattr(c.patient, f"category_{edition}"), getattr(c.patient, f"named_{edition}")) for c in cases]
    pairs = [(true, named) for true, named in pairs if true and named]
    if not pairs:
        return None
    names = CATEGORIES[edition]
    return _square(f"N category, {edition}th edition", names, [[pairs.count((t, n)) for n in names] for t in names])


def _classes(cases: Sequence[Case]) -> Confusion | None:
    tables = [case.confusion for case in cases if case.confusion is not None]
    if not tables:
        return None
    return _square("Voxels by class", CLASS_NAMES, np.sum(tables, axis=0).tolist())


def _square(title: str, names: Sequence[str], counts: Sequence[Sequence[int]]) -> Confusion:
    n = range(len(names))
    right = tuple(tuple(a == b for b in n) for a in n)
    return Confusion(title, tuple(names), tuple(names), tuple(map(tuple, counts)), right)

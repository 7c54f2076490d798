"""The table of ``three_step.py``: every figure with its 95 % interval, and what was aimed at."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from nodewise.evaluate.cohort import Cohort, summarize
from nodewise.evaluate.controls import by_rules, fired_on, wrong_sides
from nodewise.evaluate.group import Group
from nodewise.evaluate.groups import STRATA_MM
from nodewise.evaluate.patient_groups import have_maps, stations
from nodewise.evaluate.record import Case
from nodewise.io.truthfile import read_truth
from nodewise.metrics.bootstrap import bootstrap
from nodewise.metrics.detections import component_hits
from nodewise.metrics.froc import froc, recall_at
from nodewise.metrics.record import restrict

FALSE_POSITIVES = 5.0  # a scan, at which recall on real scans is read off
QUARTER = 0.25


@dataclass(frozen=True, slots=True)
class Target:
    """What a figure should at least, or at most, be."""

    bound: float
    at_most: bool = False

    def words(self) -> str:
        """As printed."""
        return f"{'≤' if self.at_most else '≥'} {self.bound:g}"

    def verdict(self, value: float) -> str:
        """Met, or missed by how much."""
        short = value - self.bound if self.at_most else self.bound - value
        return "not defined" if math.isnan(value) else "met" if short <= 1e-9 else f"missed by {short:.2g}"


@dataclass(frozen=True, slots=True)
class Row:
    """One line: a figure, its interval, and what was aimed at."""

    name: str
    value: float
    low: float = math.nan
    high: float = math.nan
    target: Target | None = None
    digits: int = 2

    def words(self) -> str:
        """As a row of Markdown."""
        interval = "" if math.isnan(self.low) else f"{self.low:.{self.digits}f} – {self.high:.{self.digits}f}"
        value = "–" if math.isnan(self.value) else f"{self.value:.{self.digits}f}"
        aim = (self.target.words(), self.target.verdict(self.value)) if self.target else ("", "")
        return f"| {self.name} | {value} | {interval} | {aim[0]} | {aim[1]} |"


def table(phantoms: Cohort | None, implants: Cohort | None, strict: Sequence[Case], *, bootstraps: int) -> str:
    """Markdown; ``strict`` are the implants where likely real nodes count as false."""
    lines = ["| | value | 95 % interval | aimed at | |", "|---|---|---|---|---|"]
    for title, rows in _parts(phantoms, implants, strict, bootstraps):
        lines += [f"| **{title}** | | | | |", *(row.words() for row in rows)]
    return "\n".join(lines) + "\n\nResearch use only. Intervals by patient bootstrap.\n"


def _parts(
    phantoms: Cohort | None, implants: Cohort | None, strict: Sequence[Case], bootstraps: int
) -> Iterator[tuple[str, list[Row]]]:
    if phantoms is not None:
        cases = phantoms.cases
        enhanced = [case for case in cases if _contrast(case)]
        plain = [case for case in cases if not _contrast(case)]
        yield f"Nodes, {len(cases)} phantoms", _nodes(phantoms)
        halves = {"with contrast medium": enhanced, "without": plain}
        yield (
            "Nodes, by half",
            [
                _figure(
                    f"avgRecall d > {above:.0f} mm, {name}",
                    summarize(half, bootstraps=bootstraps),
                    f"avg_recall_d{above:.0f}",
                )
                for name, half in halves.items()
                if half
                for above in STRATA_MM[1:]
            ],
        )
        yield "Stations of true nodes", _stations(cases, bootstraps)
        yield "Malignancy, patients", _patients(phantoms)
        yield "N category with the true side", _categories(phantoms, enhanced, bootstraps)
    if implants is not None:
        yield f"{len(implants.cases)} real scans with implants", _implants(implants, strict, bootstraps)
        yield "Controls fired on", _controls(strict, bootstraps)


def _nodes(cohort: Cohort) -> list[Row]:
    recall = {5.0: Target(0.85), 10.0: Target(0.97)}
    dice = {5.0: Target(0.65)}
    rows = []
    for above in STRATA_MM:
        d = f"d{above:.0f}"
        name = f"avgRecall d > {above:.0f} mm ({_larger(cohort.cases, above)} nodes)"
        rows.append(_figure(name, cohort, f"avg_recall_{d}", recall.get(above)))
        rows.append(_figure(f"objDSC d > {above:.0f} mm, missed nodes 0", cohort, f"obj_dsc_all_{d}", dice.get(above)))
        rows.append(_figure(f"objDSC d > {above:.0f} mm, of nodes found", cohort, f"obj_dsc_hit_{d}"))
    for name, key in (
        ("detection rate, all sizes", "detection_rate_0"),
        ("false positives a case", "fp_per_volume"),
        ("Dice a case", "dice_mean"),
    ):
        rows.append(_figure(name, cohort, key))
    return rows


def _stations(cases: Sequence[Case], bootstraps: int) -> list[Row]:
    rows = []
    ruled = by_rules(cases)
    for name, which, aimed in (("as predicted", cases, True), ("by landmarks and planes", ruled, False)):
        if not which:
            continue
        top = _group(stations(which), len(which), bootstraps)
        rows.append(_named(f"top-1, {name}", top["station_top1"], Target(0.90) if aimed else None))
        rows.append(_named(f"top-2, {name}", top["station_top2"]))
        for by_map, where in ((True, "on the map"), (False, "of nodes found, as named"))[: 2 if aimed else 1]:
            if by_map and not have_maps(which):
                continue
            wrong, of = wrong_sides(which, by_map=by_map)
            target = Target(0, at_most=True) if aimed else None
            rows.append(Row(f"wrong side {where} (of {of}), {name}", float(wrong), target=target, digits=0))
    return rows


def _patients(cohort: Cohort) -> list[Row]:
    positive = sum(bool(case.patient.positive) for case in cohort.cases)
    return [
        _figure(f"AUC, malignancy ({positive} node-positive)", cohort, "patient_auc"),
        _figure("AUC, largest short axis predicted", cohort, "patient_auc_size"),
        _figure("difference on the same patients", cohort, "patient_auc_over_size", Target(0.10)),
        _figure("AUC, malignancy without the rule of 30 mm", cohort, "patient_auc_without_bulk_rule"),
    ]


def _categories(cohort: Cohort, enhanced: Sequence[Case], bootstraps: int) -> list[Row]:
    rows = []
    if enhanced:
        half = summarize(enhanced, bootstraps=bootstraps)
        name = f"exact, 8th edition, with contrast medium ({len(enhanced)})"
        rows.append(_figure(name, half, "n_category_accuracy_8", Target(0.70)))
        rows.append(_figure("exact, 9th edition, with contrast medium", half, "n_category_accuracy_9"))
    return [*rows, _figure("exact, 8th edition, all", cohort, "n_category_accuracy_8")]


def _implants(cohort: Cohort, strict: Sequence[Case], bootstraps: int) -> list[Row]:
    rows = []
    for above, target in ((10.0, Target(0.80)), (5.0, None)):
        nodes = _larger(cohort.cases, above)
        for named, cases in (("", cohort.cases), (", likely real nodes false", strict)):
            name = f"recall d > {above:.0f} mm ({nodes}) at {FALSE_POSITIVES:g} FP a scan{named}"
            rows.append(_named(name, _recall(cases, above, bootstraps), None if named else target))
    for scan, cases in _by_scan(cohort.cases).items():
        name = f"recall d > 10 mm ({_larger(cases, 10.0)}) at {FALSE_POSITIVES:g} FP a scan, background {scan}"
        rows.append(_named(name, _recall(cases, 10.0, bootstraps)))
    rows.append(_figure("false positives a scan, as predicted", cohort, "fp_per_volume"))
    every = summarize(strict, bootstraps=bootstraps)
    rows.append(_figure("false positives a scan, as predicted, likely real nodes false", every, "fp_per_volume"))
    rows.append(_figure("objDSC d > 5 mm, missed nodes 0", cohort, "obj_dsc_all_d5"))
    return rows


def _controls(strict: Sequence[Case], bootstraps: int) -> list[Row]:
    any_part, much = fired_on(strict), fired_on(strict, QUARTER)
    touched, covered = (_group(group, len(strict), bootstraps) for group in (any_part, much))
    rows = []
    for kind in sorted(touched, key=lambda kind: (kind != "vessel", kind)):
        what = f"{'tubes' if kind == 'vessel' else kind} ({any_part.notes[kind]})"
        target = Target(0.10, at_most=True) if kind == "vessel" else None
        rows.append(_named(f"{what}, any voxel", touched[kind], target))
        rows.append(_named(f"{what}, more than a quarter", covered[kind]))
    return rows


Value = tuple[float, float, float]


def _larger(cases: Sequence[Case], above_mm: float) -> int:
    return sum(node.short_axis_mm > above_mm for case in cases for node in case.nodes)


def _recall(cases: Sequence[Case], above_mm: float, bootstraps: int) -> Value:
    detections = component_hits([restrict(case.instances, above_mm) for case in cases])
    group = Group(("recall",), lambda w: recall_at(froc(detections, w), FALSE_POSITIVES).tolist(), "")
    return _group(group, len(cases), bootstraps)["recall"]


def _group(group: Group, cases: int, bootstraps: int) -> dict[str, Value]:
    found = bootstrap(group.statistic, cases, replicates=max(1, bootstraps), seed=2026)
    bare = cases < 2 or bootstraps < 2
    return {
        name: (i.value, math.nan if bare else i.low, math.nan if bare else i.high)
        for name, i in zip(group.names, found, strict=True)
    }


def _named(name: str, value: Value, target: Target | None = None) -> Row:
    return Row(name, *value, target=target)


def _figure(name: str, cohort: Cohort, key: str, target: Target | None = None) -> Row:
    found = cohort.figures[key]
    value, low, high = (math.nan if v is None else v for v in (found.value, found.low, found.high))
    return Row(name, value, low, high, target)


def _truth(case: Case) -> Path:
    assert case.pair is not None
    return case.pair.truth / "truth.json"


def _contrast(case: Case) -> bool:
    return read_truth(_truth(case)).contrast


def _by_scan(cases: Sequence[Case]) -> dict[str, list[Case]]:
    """Cases by the scan that their nodes were implanted into, the one with contrast medium first."""
    found: dict[str, list[Case]] = {}
    for case in cases:
        truth = read_truth(_truth(case))
        words = f"{'with' if truth.contrast else 'without'} contrast ({truth.made['scan'][:6]})"
        found.setdefault(words, []).append(case)
    return dict(sorted(found.items()))

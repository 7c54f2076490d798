"""The story: read the anatomy, segment, split into nodes, describe each, stage the patient.

``assess`` finds the nodes itself; ``measure`` is given them. Both are the same from there on.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from types import MappingProxyType

import numpy as np

from nodewise.anatomy.call import call_station
from nodewise.anatomy.read import read_anatomy
from nodewise.nodes.describe import describe
from nodewise.nodes.split import near, split, within
from nodewise.nodes.suspicion import size_suspicion
from nodewise.staging.stage import stage
from nodewise.values.anatomy import Anatomy
from nodewise.values.assessment import Assessment, Provenance
from nodewise.values.node import Finding, Malignancy, Node, Size
from nodewise.values.pipeline import Pipeline
from nodewise.values.station import Side
from nodewise.values.study import Study

OnStage = Callable[[str], None]
MALIGNANT_FROM = 0.5
LEAST_HU, MOST_HU = -150.0, 600.0  # fatty nodes and heavily calcified ones lie between
_VERSIONS = ("nodewise", "numpy", "scipy", "simpleitk", "pydicom", "torch")


def assess(
    study: Study,
    pipeline: Pipeline,
    primary: Side | None = None,
    *,
    edition: int = 9,
    separate_touching: bool = False,
    on_stage: OnStage = lambda _name: None,
) -> Assessment:
    """Find every lymph node of a study, describe each and derive the N category.

    Args:
        study: CT in HU, see ``read_study``.
        pipeline: how to read anatomy, segment and judge, see ``load_pipeline``.
        primary: side of the primary tumour; None gives the answer for both sides.
        edition: of the TNM classification of lung cancer, 8 or 9.
        separate_touching: cut conglomerates at their necks into nodes of their own.
        on_stage: told the name of each stage as it begins.
    """
    watch = _Stopwatch(on_stage)
    with watch("anatomy"):
        anatomy = pipeline.complete(pipeline.read_anatomy(study))
    with watch("segmentation"):
        probability = pipeline.segment(study, anatomy)
    with watch("nodes"):
        candidates = split(
            probability,
            study.ct.grid,
            pipeline.threshold,
            pipeline.minimum_short_axis_mm,
            separate_touching=separate_touching,
        )
        inside = within(candidates, anatomy.cavity, study.ct.grid)
        reach_mm = pipeline.reach_mm + anatomy.stations_error_mm
        nodes = near(inside, anatomy.stations, reach_mm, study.ct.grid)
        findings = _findings(study, anatomy, nodes, pipeline.malignancy)
    made_by = Provenance(
        model=pipeline.name,
        trained_on=pipeline.trained_on,
        weights_sha256=pipeline.weights_sha256,
        versions=_versions(),
        seconds=watch.seconds,
        peak_memory_mb=_peak_memory_mb(),
        device=pipeline.device,
        settings=_settings(pipeline, reach_mm, separate_touching),
    )
    told = _dropped(
        (len(candidates) - len(inside), "outside the rib cage"),
        (len(inside) - len(nodes), f"for the most part more than {reach_mm:.0f} mm from every station"),
    )
    return _staged(study, anatomy, findings, made_by, primary, edition, told)


def measure(
    study: Study,
    nodes: Sequence[Node],
    primary: Side | None = None,
    *,
    edition: int = 9,
    on_stage: OnStage = lambda _name: None,
) -> Assessment:
    """Describe and stage nodes that someone has already drawn on the study's CT grid; see ``assess``."""
    watch = _Stopwatch(on_stage)
    with watch("anatomy"):
        anatomy = read_anatomy(study)
    with watch("nodes"):
        findings = _findings(study, anatomy, nodes, size_suspicion)
    made_by = Provenance(
        model="none: the nodes were given",
        trained_on="The nodes were drawn by someone else; no trained model took part.",
        weights_sha256="",
        versions=_versions(),
        seconds=watch.seconds,
        peak_memory_mb=_peak_memory_mb(),
    )
    return _staged(study, anatomy, findings, made_by, primary, edition)


def _findings(
    study: Study,
    anatomy: Anatomy,
    nodes: Sequence[Node],
    malignancy: Callable[[Study, Sequence[Node], Sequence[Size]], list[Malignancy]],
) -> tuple[Finding, ...]:
    described = [describe(node, study) for node in nodes]
    judged = malignancy(study, nodes, [d.size for d in described])
    findings = []
    for node, description, suspicion in zip(nodes, described, judged, strict=True):
        points = study.ct.grid.crop(node.box).to_lps(np.argwhere(node.mask))
        findings.append(
            Finding(
                node=node,
                centroid_lps_mm=description.centroid_lps_mm,
                mean_hu=description.mean_hu,
                size=description.size,
                station=call_station(anatomy, points),
                malignancy=suspicion,
            )
        )
    return tuple(findings)


def _staged(
    study: Study,
    anatomy: Anatomy,
    findings: tuple[Finding, ...],
    made_by: Provenance,
    primary: Side | None,
    edition: int,
    told: tuple[str, ...] = (),
) -> Assessment:
    blind = "" if anatomy.stations is not None else "stations cannot be told: the carina was not found in this scan"
    reason = "; ".join(part for part in (blind, anatomy.unseen) if part)
    answer = stage(findings, primary, edition, MALIGNANT_FROM, at_least_reason=reason)
    warnings = (*study.source.warnings, *anatomy.warnings, *told, *_not_soft_tissue(findings))
    return Assessment(study, anatomy, findings, answer, made_by, warnings)


def _settings(pipeline: Pipeline, reach_mm: float, separate_touching: bool) -> Mapping[str, float | str]:
    reach = {} if reach_mm == math.inf else {"farthest_from_station_mm": reach_mm}
    return MappingProxyType(
        {
            "threshold": pipeline.threshold,
            "minimum_short_axis_mm": pipeline.minimum_short_axis_mm,
            **reach,
            **({"given": pipeline.given} if pipeline.given else {}),
            "touching_nodes": "separated" if separate_touching else "one conglomerate",
            "windows": "mirrored too" if pipeline.mirrored else "as they are",
            "bulk_rule": "over 30 mm is metastatic" if pipeline.bulk else "none",
        }
    )


def _dropped(*counted: tuple[int, str]) -> tuple[str, ...]:
    parts = [f"{count} {'candidate' if count == 1 else 'candidates'} {where}" for count, where in counted if count]
    if not parts:
        return ()
    were = "was" if sum(count for count, _ in counted) == 1 else "were"
    told = "nodes of the chest wall, the axilla and beyond the stations are not looked for"
    return (f"{' and '.join(parts)} {were} dropped: {told}.",)


def _not_soft_tissue(findings: Sequence[Finding]) -> tuple[str, ...]:
    ids = [str(f.node.id) for f in findings if not LEAST_HU <= f.mean_hu <= MOST_HU]
    if not ids:
        return ()
    named = f"Node {ids[0]} is" if len(ids) == 1 else f"Nodes {', '.join(ids)} are"
    return (f"{named} not soft tissue (mean outside {LEAST_HU:.0f} to {MOST_HU:.0f} HU): a mask of another scan?",)


class _Stopwatch:
    """Seconds a stage, in the order in which they ran."""

    def __init__(self, on_stage: OnStage) -> None:
        self.seconds: dict[str, float] = {}
        self._on_stage = on_stage

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        self._on_stage(name)
        start = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - start


def _versions() -> dict[str, str]:
    return {name: version(name) for name in _VERSIONS}


def _peak_memory_mb() -> float | None:
    try:
        import resource
    except ImportError:  # Windows has no such module
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)

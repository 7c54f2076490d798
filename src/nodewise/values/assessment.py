"""The answer: a patient's findings and N category, and how they were had."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from nodewise.values.anatomy import Anatomy
from nodewise.values.node import Finding
from nodewise.values.station import Side
from nodewise.values.study import Study


@dataclass(frozen=True, slots=True)
class Stage:
    """N category of a lung cancer.

    Attributes:
        edition: of the TNM classification, 8 or 9.
        category: ``N0`` … ``N3``; N2a, N2b in the 9th edition.
        at_least: the true category may be higher, ``reason`` says why.
        probability: P(category) by category, empty where it cannot be given.
        driving_nodes: ids of the nodes that make the category.
        rule: the sentence of the classification that applied.
        threshold: probability from which a node counts as metastatic.
        if_left, if_right: both answers where the primary's side is unknown.
    """

    edition: int
    category: str
    primary_side: Side | None
    at_least: bool
    reason: str
    probability: Mapping[str, float]
    driving_nodes: tuple[int, ...]
    rule: str
    threshold: float
    if_left: Stage | None = None
    if_right: Stage | None = None


@dataclass(frozen=True, slots=True)
class Provenance:
    """How an assessment was made: enough to make it again.

    Attributes:
        model: name of the model; ``trained_on`` says on what, in one sentence for the report.
        weights_sha256: of the weights file, empty when nodes were given.
        versions: of nodewise and of the libraries that matter, by name.
        seconds: a stage, by name.
        peak_memory_mb: largest resident memory of the process; None where the system does not tell.
        command: as typed, with the input's path left out.
    """

    model: str
    trained_on: str
    weights_sha256: str
    versions: Mapping[str, str]
    seconds: Mapping[str, float]
    peak_memory_mb: float | None
    command: str = ""
    device: str = "cpu"
    settings: Mapping[str, float | str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, eq=False)
class Assessment:
    """Everything said of one study; ``warnings`` gathers those of reading, anatomy, nodes and staging."""

    study: Study
    anatomy: Anatomy
    findings: tuple[Finding, ...]
    stage: Stage
    provenance: Provenance
    warnings: tuple[str, ...] = ()

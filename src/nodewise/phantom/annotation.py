"""What a data set says of a patient whose nodes are all known: all of them, a few, or histology alone; with errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

import numpy as np

from nodewise.phantom.mislabel import LabelNoise, Labels, Mask, mislabel
from nodewise.values.errors import BadInputError
from nodewise.values.node import Status
from nodewise.values.station import Station
from nodewise.values.volume import Quantity, Volume


class Style(Enum):
    """How much of the truth is annotated."""

    FULL = "full"
    PARTIAL = "partial"
    HISTOLOGY = "histology"


class Verdict(Enum):
    """Histology of a station; ``NONE`` where it was not resected, printed as P1's Table 1 does."""

    BENIGN = "benign"
    MALIGNANT = "malignant"
    NONE = "n/a"


@dataclass(frozen=True, slots=True)
class KnownNode:
    """The truth of one node: ``place`` is its station's code, ``short_axis_mm`` is RECIST's."""

    place: str
    status: Status
    short_axis_mm: float


@dataclass(frozen=True, slots=True, eq=False)
class Annotation:
    """What was annotated of one patient.

    Attributes:
        labels: uint16, one number from 1 for each annotated instance; nothing but 0 where only histology is known.
        stands_for: for each of these, the numbers of the true nodes it stands for: several where neighbours were
            merged, none where it is false.
        complete: whether every node was meant to be annotated, so that what is 0 can be taken for background.
        histology: verdict by column of P1's Table 1; empty for the other styles.
    """

    style: Style
    labels: Volume
    stands_for: tuple[tuple[int, ...], ...]
    complete: bool
    histology: Mapping[str, Verdict]


RESECTED = MappingProxyType(
    {
        "1R": 0, "1L": 0, "2R": 7, "2L": 3, "3a": 0, "3p": 0, "4R": 8, "4L": 8, "5": 1, "6": 1, "7": 7, "8": 0, "9": 1,
        "10R": 4, "10L": 3,
    }
)  # fmt: skip
"""In how many of 8 patients each station was resected (P1, Table 1: benign and malignant together)."""

# How readily a reader who marks a few nodes marks one of this station, beside one of the same size in station 8.
_EASY = {"4": 4.0, "7": 4.0, "5": 2.5, "6": 1.5, "2": 2.0, "10": 1.5, "3a": 1.5, "1": 1.2, "11": 0.7}
_MORE_THAN_ONE = 0.41  # LNQ's training set: 556 nodes in 393 patients (P3, Table 1)


def annotate(
    labels: Volume,
    nodes: Sequence[KnownNode],
    style: Style,
    rng: np.random.Generator,
    noise: LabelNoise | None = None,
    decoys: Mask | None = None,
) -> Annotation:
    """Annotate a patient as data sets do.

    Args:
        labels: LABEL, node i+1 of ``nodes`` is i+1; 0 elsewhere.
        nodes: what is known of each; one that fills no voxel is never annotated.
        style: all nodes, a few of clinical relevance (LNQ), or each station's histology (P1).
        rng: draws what is annotated and what goes wrong.
        noise: how readers err; None for faultless labels.
        decoys: bool, on the labels' grid, what a reader may take for a node, such as vessels.

    Raises:
        BadInputError: the labels hold a number that no node has.
    """
    array = np.asarray(labels.array, np.uint16)
    highest = int(array.max(initial=0))
    if highest > len(nodes):
        raise BadInputError(f"the label map holds node {highest}, but only {len(nodes)} nodes are described")
    present = [n for n in np.unique(array).tolist() if n > 0]
    if style is Style.HISTOLOGY:
        empty = Volume(np.zeros(array.shape, np.uint16, order="F"), labels.grid, Quantity.LABEL)
        return Annotation(style, empty, (), False, MappingProxyType(station_histology(nodes, rng)))
    chosen = present if style is Style.FULL else clinically_relevant(present, nodes, rng)
    drawn = renumbered(array, chosen)
    stands_for: tuple[tuple[int, ...], ...] = tuple((n,) for n in chosen)
    if noise is not None:
        drawn, stands_for = mislabel(array, chosen, labels.grid, noise, rng, decoys)
    volume = Volume(np.asfortranarray(drawn), labels.grid, Quantity.LABEL)
    return Annotation(style, volume, stands_for, style is Style.FULL, MappingProxyType({}))


def renumbered(array: Labels, chosen: Sequence[int]) -> Labels:
    """The ``chosen`` labels alone, numbered from 1 in their order."""
    table = np.zeros(int(max(array.max(initial=0), max(chosen, default=0))) + 1, np.uint16)
    table[list(chosen)] = np.arange(1, len(chosen) + 1)
    return np.asarray(table[array])


def clinically_relevant(present: Sequence[int], nodes: Sequence[KnownNode], rng: np.random.Generator) -> list[int]:
    """One or a few of the nodes ``present``: large ones and those of easy stations first, 1.4 on average."""
    if not present:
        return []
    weights = np.array([_relevance(nodes[n - 1]) for n in present])
    count = min(len(present), 1 + int(rng.poisson(_MORE_THAN_ONE)))
    return sorted(int(n) for n in rng.choice(present, count, replace=False, p=weights / weights.sum()))


def _relevance(node: KnownNode) -> float:
    """How much likelier a reader marks this node than another: with the fourth power of its short axis."""
    return _EASY.get(node.place.rstrip("RL"), 0.5) * float(node.short_axis_mm + 0.1) ** 4


def station_histology(nodes: Sequence[KnownNode], rng: np.random.Generator) -> dict[str, Verdict]:
    """Verdict of each column of P1's Table 1: resected as often as there, malignant if one of its nodes is."""
    ill = {column_of(n.place) for n in nodes if n.status.malignant}
    return {
        column: (Verdict.MALIGNANT if column in ill else Verdict.BENIGN) if rng.random() < taken / 8 else Verdict.NONE
        for column, taken in RESECTED.items()
    }


def column_of(code: str) -> str:
    """The column of P1's Table 1 that a station belongs to; its own code where there is none.

    >>> column_of("9L"), column_of("4L"), column_of("11R")
    ('9', '4L', '11R')
    """
    zone = Station(code).zone
    return zone if zone in RESECTED else code

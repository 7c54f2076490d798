"""Patients of whom the histology of some stations is known, drawn and real, as the malignancy step learns from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from nodewise.models.node_patch import NodePatchPreparation
from nodewise.recipes.three_step.node_bank import CUBE, load_case
from nodewise.values.station import Station

if TYPE_CHECKING:
    from nodewise.values.node import Node
    from nodewise.values.volume import Volume

Floats = npt.NDArray[np.float32]


class Case(Protocol):
    """A patient to learn from."""

    @property
    def stations(self) -> tuple[Station, ...]:
        """Of each node."""

    @property
    def histology(self) -> Mapping[str, bool]:
        """Whether a resected station holds metastasis, by station (``4R``) or by zone (``9``)."""

    def cubes(self, which: Sequence[int], seed: Sequence[int]) -> Floats:
        """HU and share of node (n, 2, x, y, z) about each of some nodes, voxels of 1 mm; the same seed, the same."""


@dataclass(frozen=True, slots=True, eq=False)
class PhantomCase:
    """A patient of a node bank, scanned anew for every seed."""

    path: Path
    stations: tuple[Station, ...]
    histology: Mapping[str, bool]

    @staticmethod
    def of(path: Path) -> PhantomCase:
        """The patient in a file of the bank."""
        drawn = load_case(path)
        return PhantomCase(path, drawn.stations, drawn.histology)

    def cubes(self, which: Sequence[int], seed: Sequence[int]) -> Floats:
        """See ``Case``."""
        from nodewise.recipes.three_step.node_visits import scanned

        drawn = load_case(self.path).only(which)
        hu = scanned(drawn, np.random.default_rng(list(seed)))
        return np.stack([hu, drawn.nodes == 1], axis=1).transpose(0, 1, 4, 3, 2).astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class ScanCase:
    """A real patient: one scan, with its nodes on its grid; the seed changes nothing."""

    ct: Volume
    nodes: tuple[Node, ...]
    stations: tuple[Station, ...]
    histology: Mapping[str, bool]

    def cubes(self, which: Sequence[int], seed: Sequence[int]) -> Floats:  # noqa: ARG002
        """See ``Case``."""
        wide = NodePatchPreparation(CUBE, 1.0, ((-1024.0, 3071.0),))
        cubes = wide(self.ct, [self.nodes[n] for n in which])
        cubes[:, 0] = cubes[:, 0] * 4095 - 1024
        return cubes


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """The nodes of a case in stations of known histology: their numbers, the bag of each, and the bags' labels."""

    nodes: tuple[int, ...]
    bags: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]

    @staticmethod
    def of(case: Case) -> Labelled:
        """Each resected station with a node is a bag; the others are left out."""
        keys = [_verdict(station, case.histology) for station in case.stations]
        nodes = tuple(n for n, key in enumerate(keys) if key is not None)
        names = sorted({key for key in keys if key is not None})
        bags = np.array([names.index(str(keys[n])) for n in nodes], np.int64)
        return Labelled(nodes, bags, np.array([int(case.histology[name]) for name in names], np.int64))


def _verdict(station: Station, histology: Mapping[str, bool]) -> str | None:
    """The name under which the histology of a station is given; None where there is none."""
    return next((name for name in (station.code, station.zone) if name in histology), None)

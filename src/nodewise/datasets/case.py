"""One labelled scan: where its files lie and what is known of it; nothing is read before it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from nodewise.datasets.about import About
from nodewise.values.station import Side, Station

Annotation = Literal["full", "partial", "none"]


@dataclass(frozen=True, slots=True)
class LabelledCase:
    """One scan with its labels.

    Attributes:
        name: unique in its data set.
        patient: whose scan it is; scans of one patient are never parted between training and validation.
        image: CT, what ``read_study`` reads.
        nodes: node labels, what ``read_mask`` reads.
        stations: map of ``Station.label``.
        ignore: mask of where nodes may lie that are not labelled.
        organs: map of other structures, numbered as ``truth.json`` says.
        histology: whether each resected station holds metastasis, by its code, ``4R``, or by its zone, ``9``, where the
            side is not told. None where nothing is known.
        primary: side of the primary tumour.
        annotation: ``partial`` where not every node is labelled, so that what is 0 is no background; ``none`` where no
            one looked for nodes: ``nodes`` is then not read, and may be the image itself.
        node_label: the value of nodes in ``nodes``; None takes every value above 0, each a node of its own.
        ignore_label: a value in ``nodes`` that says nothing is known there.
        node_stations: stations of a node by its value in ``nodes``, the likeliest first.
        structures: masks of organs by name, in place of ``organs``; where two overlap the lower number stands.
        organ_names: numbers of organs by name, in ``organs`` or for ``structures``.
        unplaced: whether labels of the CT's shape lie on its voxels whatever place their own headers give.
    """

    name: str
    patient: str
    image: Path
    nodes: Path
    stations: Path | None = None
    ignore: Path | None = None
    organs: Path | None = None
    histology: Mapping[str, bool] | None = None
    primary: Side | None = None
    annotation: Annotation = "full"
    node_label: int | None = None
    ignore_label: int | None = None
    node_stations: Mapping[int, tuple[Station, ...]] | None = None
    structures: Mapping[str, Path] | None = None
    organ_names: Mapping[str, int] | None = None
    unplaced: bool = False

    def malignant(self, station: Station) -> bool | None:
        """Whether a station holds metastasis; None where it was not resected or is not known.

        >>> LabelledCase("a", "a", Path(), Path(), histology={"9": True}).malignant(Station.S9L)
        True
        """
        known = self.histology or {}
        return known.get(station.code, known.get(station.zone))


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A case that cannot be used: which check it failed (``files``, ``known``, ``scan``, ``labels``, …), and why."""

    name: str
    check: str
    why: str


@dataclass(frozen=True, slots=True)
class Dataset:
    """Every case of a folder, by name; what was found but cannot be used; and whose data they are, where known."""

    folder: Path
    layout: str
    cases: tuple[LabelledCase, ...]
    left_out: tuple[LeftOut, ...] = ()
    about: About | None = None

    @property
    def patients(self) -> tuple[str, ...]:
        """Each patient once, in order."""
        return tuple(sorted({case.patient for case in self.cases}))

    @property
    def counts(self) -> Mapping[str, int]:
        """Cases, patients, and how many cases have what else there may be."""
        return MappingProxyType(
            {
                "cases": len(self.cases),
                "patients": len(self.patients),
                "partial": sum(case.annotation == "partial" for case in self.cases),
                "stations": sum(case.stations is not None for case in self.cases),
                "histology": sum(case.histology is not None for case in self.cases),
            }
        )


@dataclass(frozen=True, slots=True)
class Facts:
    """What a table beside the scans says of one of them; see ``table``."""

    patient: str | None = None
    primary: Side | None = None
    annotation: Annotation | None = None
    histology: Mapping[str, bool] | None = None

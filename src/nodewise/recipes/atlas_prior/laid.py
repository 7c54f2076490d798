"""The anatomy of each surveyed case with its node prior, in which no patient's own nodes have a part."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from nodewise.datasets.case import LabelledCase
from nodewise.recipes.atlas_prior.prior import CarinaAtlas, NodeAtlas, build_atlas, frame_of
from nodewise.recipes.atlas_prior.registered import RegisteredAtlas, node_atlas
from nodewise.recipes.atlas_prior.survey import Surveyed
from nodewise.values.anatomy import Anatomy


@dataclass(frozen=True, slots=True, eq=False)
class Laid:
    """``laid(case)`` is its anatomy with the prior of ``atlas``.

    Attributes:
        built_from: the cases of the atlas: those of the patient whose prior is asked for are left out of it.
    """

    atlas: CarinaAtlas
    built_from: tuple[Surveyed, ...] = ()

    def __call__(self, one: Surveyed) -> Anatomy:
        """With ``prior`` and ``distance``; without them, and with a warning, where the atlas cannot be laid."""
        return self.atlas.lay(one.anatomy(), self._own(one))

    @property
    def how(self) -> str:
        """All that decides the prior of any case, in words."""
        names = sorted(one.case.name for one in self.built_from)
        digest = hashlib.sha256(self.atlas.to_bytes() + "\n".join(names).encode())
        return f"atlas {digest.hexdigest()}"

    def _own(self, one: Surveyed) -> npt.NDArray[np.float32] | None:
        shares = []
        for other in self.built_from:
            frame = frame_of(other.anatomy()) if other.case.patient == one.case.patient else None
            if frame is not None:
                shares.append(self.atlas.share(frame, other.nodes()))
        return np.asarray(sum(shares), np.float32) if shares else None


@dataclass(frozen=True, slots=True, eq=False)
class LaidGiven:
    """``laid(case)`` is its anatomy with the prior of an atlas that someone gave, without the patient's own nodes."""

    atlas: NodeAtlas

    def __call__(self, one: Surveyed) -> Anatomy:
        """With ``prior`` and ``distance``; without them, and with a warning, where the atlas cannot be laid."""
        return _leaving_out(self.atlas, {one.case.patient}).lay(one.anatomy())

    @property
    def how(self) -> str:
        """All that decides the prior of any case, in words."""
        patients = sorted(self.atlas.patients) if isinstance(self.atlas, RegisteredAtlas) else []
        digest = hashlib.sha256(self.atlas.to_bytes() + "\n".join(patients).encode())
        return f"given atlas {digest.hexdigest()}"


def given_atlas(path: Path, held_out: Sequence[LabelledCase]) -> NodeAtlas:
    """The atlas there, without the nodes of patients who are not to be learned from.

    Raises:
        BadInputError: it is missing or damaged, or holds nobody else.
    """
    return _leaving_out(node_atlas(path), {case.patient for case in held_out})


def _leaving_out(atlas: NodeAtlas, patients: Collection[str]) -> NodeAtlas:
    """An atlas that came with a model no longer says whose nodes it holds."""
    return atlas.without(patients) if isinstance(atlas, RegisteredAtlas) else atlas


def atlas_of(found: Sequence[Surveyed]) -> Laid:
    """The atlas of the cases to train on, as P3 builds it.

    Raises:
        BadInputError: in none of them were a carina and lungs found.
    """
    patients = []
    for one in found:
        frame = frame_of(one.anatomy())
        if frame is not None:
            patients.append((frame, one.nodes()))
    return Laid(build_atlas(patients), tuple(found))


def as_read(one: Surveyed) -> Anatomy:
    """The anatomy as it was surveyed: for one that has a prior already, and for networks that need none."""
    return one.anatomy()

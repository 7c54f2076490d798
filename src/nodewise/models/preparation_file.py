"""What a network is given, on disk; ``kind`` says of which preparation."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Literal

from pydantic import Field

from nodewise.models.frozen import Frozen
from nodewise.models.nnunet_file import IntensityFile, NnUNetFile
from nodewise.models.node_patch import NodePatchPreparation
from nodewise.models.preparation import Preparation
from nodewise.models.prior_preparation import Channels, PriorPreparation

ATLAS_FILE = "atlas.npz"
"""Beside ``model.json`` where a preparation has a prior of its own."""

Windows = Annotated[tuple[tuple[float, float], ...], Field(min_length=1, max_length=64)]
Mm = Annotated[float, Field(ge=0.1, le=20)]
Voxels = Annotated[int, Field(ge=1, le=2048)]


class CropFile(Frozen):
    """``models.preparation.Preparation`` on disk: crop to a region, resample, window."""

    kind: Literal["crop"] = "crop"
    spacing_mm: tuple[Mm, Mm, Mm]
    windows: Windows
    margin_mm: Annotated[float, Field(ge=0, le=500)]
    least_voxels: tuple[Voxels, Voxels, Voxels] = (1, 1, 1)

    def build(self) -> Preparation:
        """What turns a CT into the network's input."""
        return Preparation(self.spacing_mm, self.windows, self.margin_mm, self.least_voxels)


class PatchFile(Frozen):
    """``models.node_patch.NodePatchPreparation`` on disk: a cube about each node, in HU windows, with its mask."""

    kind: Literal["patch"] = "patch"
    size_voxels: Annotated[int, Field(ge=8, le=256)]
    spacing_mm: Mm
    windows: Windows
    shrink_large: bool = False
    about_node: bool = False
    near_voxels: Annotated[int, Field(ge=0, le=256)] | None = None
    inside_hu: Annotated[float, Field(gt=0, le=5000)] | None = None

    def build(self) -> NodePatchPreparation:
        """What cuts a CT into the network's inputs, one a node."""
        return NodePatchPreparation(**self.model_dump(exclude={"kind"}))


class PriorFile(Frozen):
    """``models.prior_preparation.PriorPreparation`` on disk: the lungs' box, normalised, with maps beside the CT.

    Attributes:
        prior_share: how far a prior of 1 lowers the threshold, as a share of it (P3, equation 3: a half).
        hull: whether what lies outside the convex hull of the lungs is no node.
        atlas_sha256: of the atlas beside ``model.json`` that the prior comes from; empty where there is none.
    """

    kind: Literal["prior"] = "prior"
    spacing_mm: tuple[Mm, Mm, Mm]
    intensity: IntensityFile
    channels: Channels
    margin_mm: Annotated[float, Field(ge=0, le=500)]
    prior_share: Annotated[float, Field(ge=0, lt=1)] = 0.5
    hull: bool = True
    atlas_sha256: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""

    def build(self) -> PriorPreparation:
        """What turns a CT and its anatomy into the network's input."""
        return PriorPreparation(self.spacing_mm, self.intensity.build(), self.channels, self.margin_mm)


PreparationFile = Annotated[CropFile | PatchFile | NnUNetFile | PriorFile, Field(discriminator="kind")]


def describe_preparation(preparation: Preparation | NodePatchPreparation) -> CropFile | PatchFile:
    """As it is kept in ``model.json``."""
    kind = CropFile if isinstance(preparation, Preparation) else PatchFile
    return kind.model_validate(asdict(preparation))


def describe_prior(preparation: PriorPreparation, *, prior_share: float, hull: bool, atlas_sha256: str) -> PriorFile:
    """The same of a ``PriorPreparation``, with what is done to the answer."""
    after = {"prior_share": prior_share, "hull": hull, "atlas_sha256": atlas_sha256}
    return PriorFile.model_validate({**asdict(preparation), **after})

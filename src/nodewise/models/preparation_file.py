"""What a network is given, on disk; ``kind`` says of which preparation."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Literal

from pydantic import Field

from nodewise.models.frozen import Frozen
from nodewise.models.nnunet_file import NnUNetFile
from nodewise.models.node_patch import NodePatchPreparation
from nodewise.models.preparation import Preparation

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


PreparationFile = Annotated[CropFile | PatchFile | NnUNetFile, Field(discriminator="kind")]


def describe_preparation(preparation: Preparation | NodePatchPreparation) -> CropFile | PatchFile:
    """As it is kept in ``model.json``."""
    kind = CropFile if isinstance(preparation, Preparation) else PatchFile
    return kind.model_validate(asdict(preparation))

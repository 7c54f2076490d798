"""The plans of networks on disk, bounded: what a file may ask for is checked before a network is built."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, Discriminator, Field, Tag, model_validator

from nodewise.models.frozen import Frozen

if TYPE_CHECKING:
    from nodewise.learn.network import NetworkPlan
    from nodewise.learn.resnet import ResNetPlan

Width = Annotated[int, Field(ge=1, le=4096)]
Small = Annotated[int, Field(ge=1, le=32)]
Numbers = Annotated[tuple[Small, ...], Field(min_length=2, max_length=3)]
Levels = Annotated[tuple[Width, ...], Field(min_length=1, max_length=12)]
Blocks = Annotated[tuple[Small, ...], Field(min_length=1, max_length=12)]


class UNetFile(Frozen):
    """``learn.network.NetworkPlan`` on disk."""

    in_channels: Width
    heads: Annotated[tuple[Width, ...], Field(min_length=1, max_length=16)]
    channels: Levels
    blocks: Blocks
    decoder_blocks: Annotated[tuple[Small, ...], Field(max_length=11)]
    kernels: tuple[Numbers, ...]
    strides: tuple[Numbers, ...]
    fold: Numbers
    auxiliary: Annotated[int, Field(ge=0, le=4096)]
    dimension: Literal[2, 3]
    residual: bool
    norm: Literal["instance", "batch"]
    bias: bool
    slope: float
    deep_supervision: bool

    @model_validator(mode="after")
    def _fits(self) -> UNetFile:
        levels = len(self.channels)
        if not len(self.blocks) == len(self.kernels) == len(self.strides) == len(self.decoder_blocks) + 1 == levels:
            raise ValueError(f"{levels} levels need as many blocks, kernels and strides, and one decoder block less")
        if any(len(numbers) != self.dimension for numbers in (*self.kernels, *self.strides, self.fold)):
            raise ValueError(f"every kernel, stride and fold has {self.dimension} numbers")
        return self

    def shrinking(self) -> list[list[int]]:
        """Voxels of the patch that one voxel of each level stands for, an axis each."""
        total, each = list(self.fold), []
        for stride in self.strides:
            total = [t * s for t, s in zip(total, stride, strict=True)]
            each.append(total)
        return each


class ResNetFile(Frozen):
    """``learn.resnet.ResNetPlan`` on disk."""

    in_channels: Width
    channels: Levels
    blocks: Blocks
    stem: Small
    norm: Literal["group", "instance", "batch"]
    dimension: Literal[2, 3]

    @model_validator(mode="after")
    def _fits(self) -> ResNetFile:
        if len(self.blocks) != len(self.channels):
            raise ValueError(f"{len(self.channels)} levels need as many blocks")
        return self


def kind_of(plan: Any) -> str:
    """``unet`` or ``resnet``."""
    fields = plan if isinstance(plan, dict) else dict(plan) if isinstance(plan, BaseModel) else {}
    return "unet" if "heads" in fields else "resnet"


PlanFile = Annotated[Annotated[UNetFile, Tag("unet")] | Annotated[ResNetFile, Tag("resnet")], Discriminator(kind_of)]


def describe_plan(plan: NetworkPlan | ResNetPlan) -> UNetFile | ResNetFile:
    """A network's plan as it is kept in ``model.json``."""
    fields = asdict(plan)
    return UNetFile.model_validate(fields) if "heads" in fields else ResNetFile.model_validate(fields)

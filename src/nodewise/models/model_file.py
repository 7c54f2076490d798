"""``model.json``, schema 2: everything that must travel with a model's weights.

Loading executes nothing, and what a file may ask for is bounded here, before a network is built.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError, model_validator

from nodewise.models.first_bundle import FirstFile
from nodewise.models.nnunet_file import NnUNetFile
from nodewise.models.preparation import Preparation
from nodewise.values.errors import BadInputError

if TYPE_CHECKING:
    from nodewise.learn.network import NetworkPlan
    from nodewise.learn.resnet import ResNetPlan  # type: ignore[import-not-found]

SCHEMA_VERSION = 2
LARGEST_JSON_BYTES = 4_000_000
LARGEST_PATCH = 2**24
"""Voxels of a patch at most: 256 in each direction."""
LARGEST_LAYER = 2**31
"""Numbers in one layer's output at most: 8 GB in float32."""

Width = Annotated[int, Field(ge=1, le=4096)]
Small = Annotated[int, Field(ge=1, le=32)]
Numbers = Annotated[tuple[Small, ...], Field(min_length=2, max_length=3)]
Levels = Annotated[tuple[Width, ...], Field(min_length=1, max_length=12)]
Blocks = Annotated[tuple[Small, ...], Field(min_length=1, max_length=12)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
StepName = Annotated[str, Field(pattern=r"^[a-z][a-z_]*$", max_length=40)]
Name = Annotated[str, Field(pattern=r"^\w[\w .+-]*$", max_length=100)]
Windows = Annotated[tuple[tuple[Finite, Finite], ...], Field(min_length=1, max_length=64)]
SpacingMm = Annotated[tuple[Annotated[float, Field(ge=0.1, le=20)], ...], Field(min_length=3, max_length=3)]


class Frozen(BaseModel):
    """What all parts of a model file have in common: they do not change, and hold nothing unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


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
    slope: Finite
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

    @model_validator(mode="after")
    def _fits(self) -> ResNetFile:
        if len(self.blocks) != len(self.channels):
            raise ValueError(f"{len(self.channels)} levels need as many blocks")
        return self


def _plan_kind(plan: Any) -> str:
    fields = plan if isinstance(plan, dict) else dict(plan) if isinstance(plan, BaseModel) else {}
    return "unet" if "heads" in fields else "first" if "out_channels" in fields else "resnet"


PlanFile = Annotated[
    Annotated[UNetFile, Tag("unet")] | Annotated[ResNetFile, Tag("resnet")] | Annotated[FirstFile, Tag("first")],
    Discriminator(_plan_kind),
]


class CropFile(Frozen):
    """``models.preparation.Preparation`` on disk: crop to a region, resample, window."""

    kind: Literal["crop"] = "crop"
    spacing_mm: SpacingMm
    windows: Windows
    margin_mm: Annotated[float, Field(ge=0, le=500)]

    def build(self) -> Preparation:
        """What turns a CT into the network's input."""
        x, y, z = self.spacing_mm
        return Preparation((x, y, z), self.windows, self.margin_mm)


class PatchFile(Frozen):
    """A patch around each node: its size in voxels, their spacing, the HU windows; the node's mask comes last."""

    kind: Literal["patch"] = "patch"
    size_voxels: tuple[Annotated[int, Field(ge=1, le=256)], ...] = Field(min_length=3, max_length=3)
    spacing_mm: SpacingMm
    windows: Windows


PreparationFile = Annotated[CropFile | PatchFile | NnUNetFile, Field(discriminator="kind")]


class TemperatureCalibration(Frozen):
    """Calibrated logit = ``scale`` × logit + ``shift`` (Platt 1999; with shift 0, Guo et al. 2017's temperature)."""

    kind: Literal["temperature"] = "temperature"
    scale: Annotated[float, Field(gt=0)]
    shift: float = 0.0


class IsotonicCalibration(Frozen):
    """Calibrated probability ``y`` at probability ``x``, straight between knots and level beyond them."""

    kind: Literal["isotonic"] = "isotonic"
    x: Annotated[tuple[Share, ...], Field(min_length=2)]
    y: tuple[Share, ...]

    @model_validator(mode="after")
    def _rises(self) -> IsotonicCalibration:
        if len(self.x) != len(self.y) or list(self.x) != sorted(set(self.x)) or list(self.y) != sorted(self.y):
            raise ValueError("x and y are as many, x rises and y does not fall")
        return self


Calibration = Annotated[TemperatureCalibration | IsotonicCalibration, Field(discriminator="kind")]


class WeightsFile(Frozen):
    """A safetensors file beside ``model.json``, and the SHA-256 of its bytes."""

    name: Annotated[str, Field(pattern=r"^\w[\w.-]*\.safetensors$", max_length=100)]
    sha256: Sha256


class StepFile(Frozen):
    """One step: networks of one plan, what they are given and what comes out.

    Attributes:
        plan: fields of the network's plan; ``kind`` says of which.
        patch: what the network is given at a time, in its own voxels. outputs: what each channel of its output is.
        weights: several are an ensemble, to be averaged; ``save_bundle`` fills them in.
        threshold: probability from which a voxel or a node counts; calibration: of the probability.
        steps: of the optimiser.
    """

    kind: Literal["unet", "resnet", "first"]
    plan: PlanFile
    preparation: PreparationFile
    patch: Annotated[tuple[Annotated[int, Field(ge=1, le=2048)], ...], Field(min_length=2, max_length=3)]
    outputs: Annotated[tuple[str, ...], Field(min_length=1)]
    weights: Annotated[tuple[WeightsFile, ...], Field(max_length=64)] = ()
    threshold: Share | None = None
    calibration: Calibration | None = None
    steps: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _fits(self) -> StepFile:
        if self.kind != _plan_kind(self.plan):
            raise ValueError(f"the plan is not that of a {self.kind}")
        if math.prod(self.patch) > LARGEST_PATCH:
            raise ValueError(f"a patch of {self.patch} voxels is more than {LARGEST_PATCH}")
        if isinstance(self.plan, UNetFile):
            _check_unet(self.plan, self.patch, self.outputs)
        elif math.prod(self.patch) * max(self.plan.channels) > LARGEST_LAYER:
            raise ValueError(f"{self.plan.channels} channels of {self.patch} voxels are too many")
        return self


def _check_unet(plan: UNetFile, patch: tuple[int, ...], outputs: tuple[str, ...]) -> None:
    if sum(plan.heads) != len(outputs):
        raise ValueError(f"the network has {sum(plan.heads)} outputs, and {len(outputs)} are named")
    shrinking = plan.shrinking()
    if len(patch) != plan.dimension or any(n % d for n, d in zip(patch, shrinking[-1], strict=True)):
        raise ValueError(f"a patch of {patch} voxels is no multiple of {tuple(shrinking[-1])}")
    for channels, by in zip(plan.channels, shrinking, strict=True):
        if 2 * channels * math.prod(patch) // math.prod(by) > LARGEST_LAYER:
            raise ValueError(f"{channels} channels of {patch} voxels are too many")


class OperatingPoint(Frozen):
    """How many nodes are shown: those whose score reaches the threshold, and what that was chosen on.

    Attributes:
        chosen_on: in words. recall: share of nodes found there; false_positives_per_case: beside it.
    """

    threshold: Share | None = None
    chosen_on: str = ""
    recall: Share | None = None
    false_positives_per_case: Annotated[float, Field(ge=0)] | None = None


class Metric(Frozen):
    """A figure that was measured, its 95 % interval where there is one, and on what."""

    value: float
    low: float | None = None
    high: float | None = None
    on: str = ""


class Source(Frozen):
    """A data set to be credited, and under which licence it may be used."""

    name: str
    licence: str


class ModelFile(Frozen):
    """``model.json``.

    Attributes:
        recipe: which of ``nodewise.recipes`` makes a pipeline of it.
        minimum_short_axis_mm: smaller nodes are dropped.
        trained_on: one sentence for the report. data_fingerprint: SHA-256 of what it was trained on.
        versions: of nodewise and the libraries that matter, when it was trained.
        metrics: what was measured, by name. command: that made it.
    """

    schema_version: Literal[2] = 2
    name: Name
    recipe: Name
    steps: Annotated[dict[StepName, StepFile], Field(min_length=1, max_length=16)]
    minimum_short_axis_mm: Annotated[float, Field(ge=0)]
    operating_point: OperatingPoint = OperatingPoint()
    trained_on: str
    data_fingerprint: str = ""
    seed: int = 0
    versions: dict[str, str] = {}
    licence: str
    sources: tuple[Source, ...] = ()
    metrics: dict[str, Metric] = {}
    command: str = ""

    @property
    def weights_sha256(self) -> str:
        """The weights' SHA-256; of several files, that of their SHA-256 in the order of the steps, one a line."""
        each = [file.sha256 for step in self.steps.values() for file in step.weights]
        return each[0] if len(each) == 1 else hashlib.sha256("\n".join(each).encode()).hexdigest()


def describe_plan(plan: NetworkPlan | ResNetPlan) -> UNetFile | ResNetFile:
    """A network's plan as it is kept in ``model.json``."""
    fields = asdict(plan)
    return UNetFile.model_validate(fields) if "heads" in fields else ResNetFile.model_validate(fields)


def describe_preparation(preparation: Preparation) -> CropFile:
    """As it is kept in ``model.json``."""
    return CropFile.model_validate(asdict(preparation))


def read_json(path: Path) -> dict[str, object]:
    """The object in a JSON file, and that it says its schema.

    Raises:
        BadInputError: it is too large, no JSON object, or without a schema.
    """
    try:
        if path.stat().st_size > LARGEST_JSON_BYTES:
            raise BadInputError(f"{path} has more than {LARGEST_JSON_BYTES // 10**6} MB: it is no model file")
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise BadInputError(f"{path} cannot be read: {reason}") from error
    if not isinstance(content, dict) or type(content.get("schema_version")) is not int:
        raise BadInputError(f"{path} cannot be read: it has no schema_version")
    if content["schema_version"] > SCHEMA_VERSION:
        version = content["schema_version"]
        raise BadInputError(f"{path} has schema {version}, this nodewise reads up to {SCHEMA_VERSION}: update nodewise")
    return content


def parse_model(content: dict[str, object], path: Path) -> ModelFile:
    """The content of a ``model.json``, checked.

    Raises:
        BadInputError: something is missing, unknown or nonsense: the first such place.
    """
    try:
        return ModelFile.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "its top"
        told = " ".join(first["msg"].replace("Value error, ", "").split())
        raise BadInputError(f"{path} cannot be read: at {where}: {told}") from error

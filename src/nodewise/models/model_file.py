"""``model.json``, schema 2: everything that must travel with a model's weights.

Loading executes nothing, and what a file may ask for is bounded here, before a network is built.
"""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError, model_validator

from nodewise.models.calibration_file import CalibrationFile
from nodewise.models.frozen import Frozen, Share
from nodewise.models.plan_file import PlanFile, ResNetFile, UNetFile, kind_of
from nodewise.models.preparation_file import PreparationFile
from nodewise.values.box import Index3
from nodewise.values.errors import BadInputError

SCHEMA_VERSION = 2
LONGEST_LINE = 2000
LARGEST_JSON_BYTES = 4_000_000
LARGEST_PATCH = 2**24
"""Voxels of a patch at most: 256 in each direction."""
LARGEST_LAYER = 2**31
"""Numbers in one layer's output at most: 8 GB in float32."""

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
StepName = Annotated[str, Field(pattern=r"^[a-z][a-z_]*$", max_length=40)]
Line = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]*$", max_length=LONGEST_LINE)]
Name = Annotated[str, Field(pattern=r"^\w[\w .+-]*$", max_length=100)]


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

    kind: Literal["unet", "resnet"]
    plan: PlanFile
    preparation: PreparationFile
    patch: Annotated[tuple[Annotated[int, Field(ge=1, le=2048)], ...], Field(min_length=2, max_length=3)]
    outputs: Annotated[tuple[Line, ...], Field(min_length=1)]
    weights: Annotated[tuple[WeightsFile, ...], Field(max_length=64)] = ()
    threshold: Share | None = None
    calibration: CalibrationFile | None = None
    steps: Annotated[int, Field(ge=0)] = 0

    @property
    def window(self) -> Index3:
        """``patch`` along x, y and z.

        Raises:
            BadInputError: the network is of slices.
        """
        if len(self.patch) != 3:
            raise BadInputError(f"a network of patches {self.patch} sees slices: this recipe needs one of volumes")
        x, y, z = self.patch
        return x, y, z

    @model_validator(mode="after")
    def _fits(self) -> StepFile:
        if self.kind != kind_of(self.plan):
            raise ValueError(f"the plan is not that of a {self.kind}")
        if math.prod(self.patch) > LARGEST_PATCH:
            raise ValueError(f"a patch of {self.patch} voxels is more than {LARGEST_PATCH}")
        if isinstance(self.plan, UNetFile):
            _check_unet(self.plan, self.patch, self.outputs)
        elif isinstance(self.plan, ResNetFile):
            _check_resnet(self.plan, self.patch, self.outputs)
        return self


def _check_unet(plan: UNetFile, patch: tuple[int, ...], outputs: tuple[str, ...]) -> None:
    if sum(plan.heads) != len(outputs):
        raise ValueError(f"the network has {sum(plan.heads)} outputs, and {len(outputs)} are named")
    shrinking = plan.shrinking()
    if len(patch) != plan.dimension or any(n % d for n, d in zip(patch, shrinking[-1], strict=True)):
        raise ValueError(f"a patch of {patch} voxels is no multiple of {tuple(shrinking[-1])}")
    for channels, by in zip((len(outputs), *plan.channels), ((1,), *shrinking), strict=True):
        if 2 * channels * math.prod(patch) // math.prod(by) > LARGEST_LAYER:
            raise ValueError(f"{channels} channels of {patch} voxels are too many")


def _check_resnet(plan: ResNetFile, patch: tuple[int, ...], outputs: tuple[str, ...]) -> None:
    if len(outputs) != 1:
        raise ValueError(f"the network has one output, and {len(outputs)} are named")
    smallest = plan.stem * 2 ** (len(plan.channels) - 1)
    if len(patch) != plan.dimension or min(patch) < smallest:
        raise ValueError(f"a patch of {patch} voxels is smaller than {smallest} along an axis")
    if math.prod(patch) * max(plan.channels) > LARGEST_LAYER:
        raise ValueError(f"{max(plan.channels)} channels of {patch} voxels are too many")


class OperatingPoint(Frozen):
    """How many nodes are shown: those whose score reaches the threshold, and what that was chosen on.

    Attributes:
        chosen_on: in words. recall: share of nodes found there; false_positives_per_case: beside it.
    """

    threshold: Share | None = None
    chosen_on: Line = ""
    recall: Share | None = None
    false_positives_per_case: Annotated[float, Field(ge=0)] | None = None


class Metric(Frozen):
    """A figure that was measured, its 95 % interval where there is one, and on what."""

    value: float
    low: float | None = None
    high: float | None = None
    on: Line = ""


class Source(Frozen):
    """A data set to be credited, and under which licence it may be used."""

    name: Line
    licence: Line


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
    trained_on: Line
    data_fingerprint: Line = ""
    seed: int = 0
    versions: dict[Line, Line] = Field(default_factory=dict)
    licence: Line
    sources: tuple[Source, ...] = ()
    metrics: dict[Line, Metric] = Field(default_factory=dict)
    command: Line = ""

    @property
    def weights_sha256(self) -> str:
        """The weights' SHA-256; of several files, that of their SHA-256 in the order of the steps, one a line."""
        each = [file.sha256 for step in self.steps.values() for file in step.weights]
        return each[0] if len(each) == 1 else hashlib.sha256("\n".join(each).encode()).hexdigest()


def check_words(name: str, licence: str) -> None:
    """Nothing, where a model may have this name and licence.

    Raises:
        BadInputError: it may not.
    """
    for word, kind, rule in (
        (name, Name, "up to 100 letters, digits, spaces or _ . + -, a letter or digit first"),
        (licence, Line, "one line of up to 2000 characters"),
    ):
        try:
            TypeAdapter(kind).validate_python(word)
        except ValidationError as error:
            raise BadInputError(
                f"a model cannot have {word!r} as {'name' if kind is Name else 'licence'}: {rule}"
            ) from error


def read_json(path: Path) -> dict[str, Any]:
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
    if content["schema_version"] < SCHEMA_VERSION:
        raise BadInputError(f"{path} was made by an earlier nodewise, whose models are read no more: train it again")
    return content


def parse_model(content: dict[str, Any], path: Path) -> ModelFile:
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


def shortened(words: str, most: int = LONGEST_LINE) -> str:
    """At most so many characters: many scans make a long command, and no model shall be lost for that."""
    return words if len(words) <= most else f"{words[: most - 2]} …"

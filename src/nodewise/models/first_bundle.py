"""Model folders of schema 1, for as long as a bundled model has it: goes with ``learn.first_network``."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nodewise.models.preparation import Preparation
from nodewise.values.errors import BadInputError

if TYPE_CHECKING:
    from torch import Tensor

    from nodewise.learn.first_network import NetworkPlan, ResidualUNet

SCHEMA_VERSION = 1
LARGEST_BYTES = 16_000_000
_WEIGHTS = "weights.safetensors"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PreparationModel(_Frozen):
    """``Preparation`` on disk."""

    spacing_mm: tuple[float, float, float]
    windows: tuple[tuple[float, float], ...]
    margin_mm: float
    least_voxels: tuple[int, int, int] = (1, 1, 1)


class FirstFile(_Frozen):
    """``NetworkPlan`` on disk."""

    in_channels: int
    out_channels: int
    channels: tuple[Annotated[int, Field(ge=1, le=4096)], ...] = Field(max_length=12)
    blocks: tuple[Annotated[int, Field(ge=1, le=32)], ...]
    kernels: tuple[tuple[int, ...], ...]
    strides: tuple[tuple[int, ...], ...]
    dimension: int
    deep_supervision: bool


class ModelFile(_Frozen):
    """``model.json``: everything that must travel with the weights.

    Attributes:
        classes: what each output of the network is.
        threshold: probability from which a voxel is node. minimum_short_axis_mm: smaller nodes are dropped.
        trained_on: one sentence for the report. data_fingerprint: SHA-256 of what it was trained on.
        versions: of nodewise and the libraries that matter, when it was trained.
        metrics: what was measured, by name.
        weights_sha256: of the weights file.
    """

    schema_version: int = SCHEMA_VERSION
    name: str
    recipe: str
    preparation: PreparationModel
    network: FirstFile
    patch: tuple[int, int, int]
    classes: tuple[str, ...]
    threshold: float = Field(ge=0, le=1)
    minimum_short_axis_mm: float = Field(ge=0)
    trained_on: str
    data_fingerprint: str
    steps: int
    seed: int
    versions: dict[str, str]
    licence: str
    metrics: dict[str, float]
    weights_sha256: str = ""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A model folder that was read and found sound."""

    folder: Path
    model: ModelFile

    @property
    def name(self) -> str:
        """As bundled or as given in training."""
        return self.model.name

    @property
    def card(self) -> str:
        """What it was trained on, how well it does and what it must not be used for (Markdown)."""
        return (self.folder / "card.md").read_text(encoding="utf-8")

    @property
    def preparation(self) -> Preparation:
        """What turns a CT into the network's input."""
        return Preparation(**dict(self.model.preparation))

    def network(self, device: str = "cpu") -> ResidualUNet:
        """The network with its weights, float32, in evaluation mode."""
        from safetensors.torch import load_file

        from nodewise.learn.first_network import NetworkPlan, build_network

        network = build_network(NetworkPlan(**dict(self.model.network)), seed=0)
        weights = {name: tensor.float() for name, tensor in load_file(self.folder / _WEIGHTS).items()}
        try:
            network.load_state_dict(weights)
        except RuntimeError as error:
            raise BadInputError(f"{self.folder}: the weights do not fit the network of model.json") from error
        return network.to(device).eval()


def save_bundle(folder: Path, model: ModelFile, weights: dict[str, Tensor], card: str) -> Bundle:
    """Write a model folder; the weights are kept in float32, or in float16 where they would take 16 MB or more.

    ``model.json`` is written last, so that a folder which has one is complete.
    """
    import torch
    from safetensors.torch import save

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.json").unlink(missing_ok=True)
    size = sum(tensor.numel() * 4 for tensor in weights.values())
    kind = torch.float32 if size < LARGEST_BYTES else torch.float16
    data = save({name: tensor.detach().cpu().contiguous().to(kind) for name, tensor in weights.items()})
    (folder / _WEIGHTS).write_bytes(data)
    (folder / "card.md").write_text(card, encoding="utf-8")
    model = model.model_copy(update={"weights_sha256": hashlib.sha256(data).hexdigest()})
    aside = folder / "model.json.part"
    aside.write_text(model.model_dump_json(indent=2) + "\n", encoding="utf-8")
    aside.replace(folder / "model.json")
    return Bundle(folder, model)


def load_bundle(folder: Path) -> Bundle:
    """Read a model folder and check it.

    Raises:
        BadInputError: it is no model folder, a newer nodewise made it, or its weights are not those it was saved with.
    """
    path = folder / "model.json"
    if not path.is_file() or not (folder / _WEIGHTS).is_file():
        raise BadInputError(f"{folder} is no model folder: it needs model.json and {_WEIGHTS}")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        version = content["schema_version"]
        if version > SCHEMA_VERSION:
            raise BadInputError(
                f"{path} has schema {version}, this nodewise reads up to {SCHEMA_VERSION}: update nodewise"
            )
        model = ModelFile.model_validate(content)
    except (ValidationError, ValueError, KeyError, TypeError) as error:
        reason = str(error).replace("\n", "; ")
        raise BadInputError(f"{path} cannot be read: {reason}") from error
    found = hashlib.sha256((folder / _WEIGHTS).read_bytes()).hexdigest()
    if found != model.weights_sha256:
        raise BadInputError(f"{folder / _WEIGHTS} is damaged or was changed: its SHA-256 is not that of model.json")
    return Bundle(folder, model)


def upgraded(content: dict[str, Any]) -> dict[str, Any]:
    """The content of a ``model.json`` of schema 1 as schema 2 has it."""
    model = ModelFile.model_validate(content).model_dump()
    step = {
        "kind": "first",
        "plan": model.pop("network"),
        "preparation": {"kind": "crop", **model.pop("preparation")},
        "patch": model.pop("patch"),
        "outputs": model.pop("classes"),
        "weights": [{"name": _WEIGHTS, "sha256": model.pop("weights_sha256")}],
        "threshold": model.pop("threshold"),
        "steps": model.pop("steps"),
    }
    metrics = {name: {"value": value} for name, value in model.pop("metrics").items()}
    return {**model, "schema_version": 2, "steps": {"nodes": step}, "metrics": metrics}


def describe_preparation(preparation: Preparation) -> PreparationModel:
    """As it is kept in ``model.json``."""
    return PreparationModel(**asdict(preparation))


def describe_network(plan: NetworkPlan) -> FirstFile:
    """As it is kept in ``model.json``."""
    return FirstFile(**asdict(plan))

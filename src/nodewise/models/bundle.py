"""The folder a trained model travels in: ``model.json``, ``*.safetensors`` and ``card.md``."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from nodewise.io.whole import whole
from nodewise.models.model_file import ModelFile, StepFile, WeightsFile, parse_model, read_json
from nodewise.models.preparation_file import ATLAS_FILE, PriorFile
from nodewise.values.errors import BadInputError

if TYPE_CHECKING:
    from torch import Tensor, nn

LARGEST_BYTES = 16_000_000


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
    def beside(self) -> tuple[str, ...]:
        """What belongs to the model beside its weights, its card and ``model.json``."""
        return tuple(name for name, _ in _beside(self.model))

    def step(self, name: str) -> StepFile:
        """One step of the model: stations, nodes, malignancy.

        Raises:
            BadInputError: the model has no such step.
        """
        if name not in self.model.steps:
            there = ", ".join(self.model.steps)
            raise BadInputError(f"the model {self.name} has no step {name}, only {there}: choose another model")
        return self.model.steps[name]

    def networks(self, name: str, device: str = "cpu") -> tuple[nn.Module, ...]:
        """The networks of a step with their weights, float32, in evaluation mode; several are to be averaged.

        Raises:
            BadInputError: the model has no such step, or the weights are not those of the step's plan.
        """
        step = self.step(name)
        return tuple(_filled(step, self.folder / file.name).to(device).eval() for file in step.weights)


def save_bundle(
    folder: Path,
    model: ModelFile,
    weights: Mapping[str, Sequence[Mapping[str, Tensor]]],
    card: str,
    *,
    exact: bool = False,
    files: Mapping[str, bytes] = MappingProxyType({}),
) -> Bundle:
    """Write a model folder, complete or not at all; an earlier model there is replaced.

    Args:
        folder: new, empty, or a model folder.
        model: names and hashes of its weights are filled in.
        weights: of each step's networks, by the step's name; float32, or float16 where a file would exceed 16 MB.
        card: Markdown.
        exact: float32 whatever the size.
        files: what else travels with it, by name.

    Raises:
        BadInputError: the folder holds something else, or cannot be written.
        ValueError: the weights are not of the model's steps.
    """
    if set(weights) != set(model.steps) or not all(weights.values()):
        raise ValueError(f"weights of {sorted(weights)} for the steps {sorted(model.steps)}")
    steps = {}
    with whole(folder, overwrite=(folder / "model.json").is_file()) as aside:
        for name, step in model.steps.items():
            each = weights[name]
            names = [f"{name}.safetensors" if len(each) == 1 else f"{name}-{i}.safetensors" for i in range(len(each))]
            kept = tuple(_write(aside / file, tensors, exact) for file, tensors in zip(names, each, strict=True))
            steps[name] = step.model_copy(update={"weights": kept})
        (aside / "card.md").write_text(card, encoding="utf-8")
        for name, content in files.items():
            (aside / name).write_bytes(content)
        model = ModelFile.model_validate({**dict(model), "steps": steps})
        (aside / "model.json").write_text(model.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return Bundle(folder, model)


def load_bundle(folder: Path) -> Bundle:
    """Read a model folder and check it.

    Raises:
        BadInputError: it is no model folder, a newer nodewise made it, a file is missing, or its weights are not those
            it was saved with.
    """
    path = folder / "model.json"
    if not path.is_file():
        raise BadInputError(f"{folder} is no model folder: it has no model.json")
    model = parse_model(read_json(path), path)
    for name, step in model.steps.items():
        if not step.weights:
            raise BadInputError(f"{path} cannot be read: the step {name} has no weights")
        for file in step.weights:
            if not (folder / file.name).is_file():
                raise BadInputError(f"{folder} is not whole: {file.name} is missing")
            if _sha256(folder / file.name) != file.sha256:
                raise BadInputError(
                    f"{folder / file.name} is damaged or was changed: its SHA-256 is not that of model.json"
                )
    for name, sha256 in _beside(model):
        if not (folder / name).is_file():
            raise BadInputError(f"{folder} is not whole: {name} is missing")
        if _sha256(folder / name) != sha256:
            raise BadInputError(f"{folder / name} is damaged or was changed: its SHA-256 is not that of model.json")
    if not (folder / "card.md").is_file():
        raise BadInputError(f"{folder} is not whole: card.md is missing")
    return Bundle(folder, model)


def bundled_folders() -> list[Path]:
    """Of the models that come with nodewise, by name."""
    root = Path(str(files("nodewise"))) / "weights"
    return [path.parent for path in sorted(root.glob("*/model.json"))]


def bundled_models() -> list[Bundle]:
    """The models that come with nodewise, by name."""
    return [load_bundle(folder) for folder in bundled_folders()]


def _write(path: Path, tensors: Mapping[str, Tensor], exact: bool) -> WeightsFile:
    import torch
    from safetensors.torch import save

    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    floating = {name: tensor.float() for name, tensor in plain.items() if tensor.is_floating_point()}
    half = {name: tensor.half() for name, tensor in floating.items() if tensor.dim() > 1}  # not what batches have seen
    large = not exact and sum(tensor.numel() * 4 for tensor in floating.values()) > LARGEST_BYTES
    fits = all(bool(torch.isfinite(tensor).all()) for tensor in half.values())
    data = save({**plain, **floating, **(half if large and fits else {})})
    path.write_bytes(data)
    return WeightsFile(name=path.name, sha256=hashlib.sha256(data).hexdigest())


def _beside(model: ModelFile) -> tuple[tuple[str, str], ...]:
    """Name and SHA-256 of what else travels with a model: the atlas of a prior."""
    kept = [step.preparation for step in model.steps.values()]
    atlases = {one.atlas_sha256 for one in kept if isinstance(one, PriorFile) and one.atlas_sha256}
    return tuple((ATLAS_FILE, sha256) for sha256 in sorted(atlases))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _filled(step: StepFile, path: Path) -> nn.Module:
    """The step's network with the weights of a file; whatever the plan asks for, no more memory than the file's."""
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from nodewise.models.empty_network import empty_network

    try:
        network = empty_network(step)
        # copied: where memory is not aligned, as a file's may be, torch's answers differ in the last bits
        weights = {
            name: tensor.to(torch.float32 if tensor.is_floating_point() else tensor.dtype, copy=True)
            for name, tensor in load_file(path).items()
        }
        network.load_state_dict(weights, assign=True)
    except (RuntimeError, ValueError, SafetensorError) as error:
        raise BadInputError(f"{path}: the weights do not fit the network of model.json") from error
    layout = torch.channels_last if len(step.patch) == 2 else torch.channels_last_3d
    return network.to(memory_format=layout)  # type: ignore[no-any-return, call-overload]

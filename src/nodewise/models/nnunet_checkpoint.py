"""A checkpoint of nnU-Net v2, opened without running any code in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nodewise.values.errors import BadInputError

if TYPE_CHECKING:
    from torch import Tensor

_REPEATED = (".all_modules.", "decoder.encoder.")  # the same tensors under a second name


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """What prediction needs of it.

    Attributes:
        weights: by the names of ``learn.network``.
        configuration: it was trained for. trainer: nnU-Net's class. mirror_axes: mirrored in training, of the patch.
    """

    weights: dict[str, Tensor]
    configuration: str
    trainer: str
    mirror_axes: tuple[int, ...]


def read_checkpoint(path: Path) -> Checkpoint:
    """The checkpoint in a file; only tensors and plain values are ever read from it.

    Raises:
        BadInputError: it is missing, damaged, holds objects of classes, or is no checkpoint of nnU-Net v2.
    """
    import torch

    if not path.is_file():
        raise BadInputError(f"{path.parent.parent} has no {path.parent.name}/{path.name}: train it or name others")
    try:
        with torch.serialization.safe_globals(_plain_numbers()):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file can lead torch to any of them
        raise BadInputError(f"{path} cannot be read: it is damaged, or holds more than weights and numbers") from error
    try:
        weights = {
            name: tensor
            for name, tensor in content["network_weights"].items()
            if not any(part in name for part in _REPEATED)
        }
        configuration, trainer = content["init_args"]["configuration"], content["trainer_name"]
        mirror_axes = tuple(int(axis) for axis in content.get("inference_allowed_mirroring_axes") or ())
        sound = isinstance(configuration, str) and isinstance(trainer, str)
        sound = sound and all(isinstance(tensor, torch.Tensor) for tensor in weights.values())
    except (KeyError, TypeError, AttributeError, ValueError):
        sound = False
    if not sound:
        raise BadInputError(f"{path} is no checkpoint of nnU-Net v2: it needs network_weights, init_args, trainer_name")
    return Checkpoint(weights, configuration, trainer, mirror_axes)


def _plain_numbers() -> list[tuple[Callable[..., object], str] | Callable[..., object]]:
    """The types of numpy's scalars, which nnU-Net logs beside the weights: making one of bytes runs nothing."""
    import numpy as np
    from numpy._core.multiarray import scalar

    kinds = {type(np.dtype(kind)) for kind in (np.float16, np.float32, np.float64, np.int32, np.int64, np.bool_)}
    return [(scalar, "numpy._core.multiarray.scalar"), (scalar, "numpy.core.multiarray.scalar"), np.dtype, *kinds]

"""What a training run must find again: checkpoints, which hold plain tensors, numbers and words."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from nodewise.values.errors import BadInputError


def save(state: Mapping[str, Any], path: Path) -> None:
    """Write a checkpoint, aside and then renamed: a kill leaves the old file or the new one, whole."""
    aside = path.with_suffix(".part")
    with aside.open("wb") as file:
        torch.save(dict(state), file)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)


def load_weights(path: Path) -> dict[str, Tensor]:
    """The weights in a checkpoint of ``fit``; nothing in the file is executed."""
    state: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)["network"]
    return state


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a run has come: steps done, best score so far, seconds spent."""

    step: int = 0
    best: float = -math.inf
    seconds: float = 0.0


def restore(path: Path, parts: Mapping[str, Any], settings: Mapping[str, str]) -> Standing:
    """Put network, average and optimiser back to where ``path`` left them.

    Args:
        path: of the last checkpoint; none is a run not yet begun.
        parts: what has a ``load_state_dict``, by its name in the file.
        settings: those that make it the same run, in words.

    Raises:
        BadInputError: the file belongs to a run with another network or other settings.
    """
    if not path.exists():
        return Standing()
    state = torch.load(path, map_location="cpu", weights_only=True)
    begun = state.get("settings", {})
    for name, wanted in settings.items():
        if begun.get(name, wanted) != wanted:
            raise BadInputError(f"{path} was begun with {name} {begun[name]}, not {wanted}: use that or another folder")
    try:
        for name, part in parts.items():
            part.load_state_dict(state[name])
    except (RuntimeError, ValueError) as error:
        raise BadInputError(f"{path} belongs to another network: train into another folder") from error
    return Standing(state["step"], state["best"], state["seconds"])

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
    """The weights in a checkpoint of ``fit``; nothing in the file is executed.

    Raises:
        BadInputError: it is missing, damaged, or no checkpoint of ``fit``.
    """
    state: dict[str, Tensor] = _read(path)["network"]
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
        BadInputError: the file is damaged, or belongs to a run with another network or other settings.
    """
    if not path.exists():
        return Standing()
    state = _read(path)
    begun = state.get("settings", {})
    for name, wanted in settings.items():
        before = begun.get(name, "")
        if before != wanted:
            what = f"{name} {before or 'none'}, not {wanted or 'none'}"
            raise BadInputError(f"{path} was begun with {what}: use that or another folder")
    try:
        for name, part in parts.items():
            part.load_state_dict(state[name])
        return Standing(state["step"], state["best"], state["seconds"])
    except (RuntimeError, ValueError, KeyError) as error:
        raise BadInputError(f"{path} belongs to another network: train into another folder") from error


def _read(path: Path) -> dict[str, Any]:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except (FileNotFoundError, PermissionError) as error:
        raise BadInputError(f"{path} cannot be read: {error.strerror or error}") from error
    except Exception as error:  # a damaged file can lead torch to any of them
        what = "is damaged, or holds more than weights and numbers"
        raise BadInputError(f"{path} {what}: put back a copy of it, or train into another folder") from error
    if not isinstance(state, dict) or "network" not in state:
        raise BadInputError(f"{path} is no checkpoint of a training run: train into another folder")
    return state

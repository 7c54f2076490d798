"""What a training run leaves on disk: checkpoints that hold plain tensors and numbers, and its log."""

from __future__ import annotations

import contextlib
import csv
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from nodewise.values.errors import BadInputError

COLUMNS = ("step", "loss", "learning_rate", "seconds", "validation")


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


def restore(path: Path, parts: Mapping[str, Any], seed: int) -> Standing:
    """Put network, average and optimizer back to where ``path`` left them.

    Raises:
        BadInputError: the file belongs to another network or seed.
    """
    if not path.exists():
        return Standing()
    state = torch.load(path, map_location="cpu", weights_only=True)
    if state["seed"] != seed:
        raise BadInputError(f"{path} was begun with seed {state['seed']}, not {seed}: use that or another folder")
    try:
        for name, part in parts.items():
            part.load_state_dict(state[name])
    except (RuntimeError, ValueError) as error:
        raise BadInputError(f"{path} belongs to another network: train into another folder") from error
    return Standing(state["step"], state["best"], state["seconds"])


@contextlib.contextmanager
def training_log(path: Path, start: int) -> Iterator[Any]:
    """The log, cut back to ``start`` steps and open for more."""
    rows: list[list[str]] = []
    if path.exists():
        with path.open(newline="") as file:
            rows = [r for r in csv.reader(file) if len(r) == len(COLUMNS) and r[0].isdigit() and int(r[0]) <= start]
    with path.open("w", newline="", buffering=1) as file:
        writer = csv.writer(file)
        writer.writerows([COLUMNS, *rows])
        yield writer

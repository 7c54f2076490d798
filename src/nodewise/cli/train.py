"""``nodewise train``: weights from a command and a seed."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from nodewise.cli.options import Device, DeviceOption, ThreadsOption, use_threads
from nodewise.cli.screen import console, counted


class Recipe(StrEnum):
    """What can be trained."""

    three_step = "three_step"


def train(
    recipe: Annotated[Recipe, typer.Argument(help="The system to train.")],
    out: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="OUT", help="Folder of the run; the model is OUT/model.", show_default=False
        ),
    ],
    steps: Annotated[int, typer.Option(min=1, help="Optimiser steps.")] = 3000,
    phantoms: Annotated[int, typer.Option(min=2, help="Phantom patients to train on.")] = 120,
    seed: Annotated[int, typer.Option(min=0, help="Everything random follows from it.")] = 0,
    device: DeviceOption = Device.auto,
    threads: ThreadsOption = None,
) -> None:
    """Train a system on phantoms. Stopped at any moment, the same command goes on where it was.

    Example: nodewise train three_step -o runs/first --steps 2000 --seed 0
    """
    from nodewise.recipes import three_step

    use_threads(threads)
    with counted(f"train {recipe.value}") as progress:
        model = three_step.train(out, steps=steps, seed=seed, phantoms=phantoms, device=device.value, progress=progress)
    console.print(f"model: {model}", soft_wrap=True)

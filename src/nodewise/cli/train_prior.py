"""What ``nodewise train atlas_prior`` takes beside the options of every recipe."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from nodewise.cli.screen import counted_stages
from nodewise.values.errors import BadInputError

if TYPE_CHECKING:
    from nodewise.learn.loss_prior import WeightedDice


class ChannelsChoice(StrEnum):
    """What the network sees beside the CT."""

    ct = "ct"
    labels = "labels"
    prior = "prior"


class SizeChoice(StrEnum):
    """How large a network, see ``recipes.atlas_prior.way.SIZES``."""

    paper = "paper"
    small = "small"
    tiny = "tiny"


class LossChoice(StrEnum):
    """How the prior weighs the Dice."""

    weighted = "weighted"
    none = "none"
    released = "released"


class SemiChoice(StrEnum):
    """The semi-supervised variants."""

    v1 = "v1"
    v2 = "v2"


ChannelsOption = Annotated[
    ChannelsChoice | None,
    typer.Option(
        help="atlas_prior: what the network sees: CT alone; with labels of structures; with the distance from the "
        "carina and the node prior. (default: prior)",
        show_default=False,
    ),
]
StepsOption = Annotated[
    int | None,
    typer.Option(min=1, help="atlas_prior: of the optimiser, instead of --scale.", show_default=False),
]
SizeOption = Annotated[
    SizeChoice,
    typer.Option(help="atlas_prior: of the network: paper follows from the data; small at 2 mm suits a processor."),
]
LossOption = Annotated[
    LossChoice, typer.Option(help="atlas_prior: how the prior weighs the Dice; released has no effect, see the docs.")
]
AtlasOption = Annotated[
    Path | None,
    typer.Option(
        metavar="ATLAS",
        help="atlas_prior: node atlas: a folder by nodewise atlas build, default for the one that comes with nodewise, "
        "or atlas.npz of a model; else one is built from the scans trained on.",
        show_default=False,
    ),
]
SemiOption = Annotated[
    SemiChoice | None,
    typer.Option(
        help="atlas_prior: then go on with pseudo-labels on partly annotated scans: v1 where the teacher is sure, "
        "v2 after post-processing.",
        show_default=False,
    ),
]
SmartCacheOption = Annotated[
    int, typer.Option(min=0, help="atlas_prior: scans in use at a time, a tenth exchanged an epoch; 0 for all.")
]


@dataclass(frozen=True, slots=True)
class Asked:
    """As typed."""

    channels: ChannelsChoice | None
    steps: int | None
    size: SizeChoice
    loss: LossChoice
    atlas: Path | None
    semi: SemiChoice | None
    smart_cache: int

    def refuse(self) -> None:
        """Nothing, where none of them was asked for.

        Raises:
            BadInputError: one was.
        """
        given = {
            "--channels": self.channels,
            "--steps": self.steps,
            "--size": self.size is not SizeChoice.paper,
            "--loss": self.loss is not LossChoice.weighted,
            "--atlas": self.atlas,
            "--semi": self.semi,
            "--smart-cache": self.smart_cache,
        }
        for name, value in given.items():
            if value:
                raise BadInputError(f"{name} is for the recipe atlas_prior: leave it out")


def train_prior(
    out: Path,
    data: Path | None,
    fold: int | Literal["loo"] | None,
    asked: Asked,
    *,
    scale: float,
    seed: int,
    device: str,
    devices: int,
    workers: int,
) -> tuple[Path, ...]:
    """Train, and the model folders.

    Raises:
        BadInputError: there is no data, or it has no such fold.
    """
    import torch

    from nodewise.learn.smart_cache import SmartCache
    from nodewise.recipes.atlas_prior import train
    from nodewise.recipes.atlas_prior.effort import Effort
    from nodewise.recipes.atlas_prior.way import SIZES, STEPS, PriorWay

    if data is None:
        raise BadInputError("atlas_prior learns from labelled scans: name their folder")
    if fold == "loo":
        raise BadInputError("atlas_prior has the folds 0 to 4: --fold loo is for three_step")
    way = PriorWay(channels="prior" if asked.channels is None else asked.channels.value)
    form: WeightedDice = asked.loss.value
    effort = Effort(
        steps=asked.steps or max(1, round(STEPS * scale)),
        size=SIZES[asked.size.value],
        way=replace(way, loss=replace(way.loss, form=form)),
        seed=seed,
        device=device,
        devices=devices,
        processes=torch.get_num_threads(),
        workers=workers,
        smart=SmartCache(asked.smart_cache),
        atlas=asked.atlas,
        semi=None if asked.semi is None else asked.semi.value,
    )
    with counted_stages("train atlas_prior") as progress:
        return train(out, effort, data, fold=fold, progress=progress)

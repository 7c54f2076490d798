"""``nodewise train``: weights from a command and a seed."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from nodewise.cli.options import Device, DeviceOption, ThreadsOption, use_threads
from nodewise.cli.screen import console, counted_stages
from nodewise.cli.train_prior import (
    Asked,
    AtlasOption,
    ChannelsOption,
    LossChoice,
    LossOption,
    SemiOption,
    SizeChoice,
    SizeOption,
    SmartCacheOption,
    StepsOption,
    train_prior,
)
from nodewise.values.errors import BadInputError

if TYPE_CHECKING:
    from nodewise.models.model_file import Source
    from nodewise.values.station import Station


class Recipe(StrEnum):
    """What can be trained."""

    three_step = "three_step"
    atlas_prior = "atlas_prior"


class StationRule(StrEnum):
    """Which nodes of a malignant station are taught to be metastatic."""

    paper = "paper"
    largest = "largest"
    any = "any"


class Curve(StrEnum):
    """How probabilities of malignancy are calibrated."""

    temperature = "temperature"
    isotonic = "isotonic"


Scans = Annotated[
    list[Path] | None,
    typer.Option(metavar="SCAN", help="Without DATA: a real CT to implant nodes into; may be repeated.", exists=True),
]


def train(
    recipe: Annotated[Recipe, typer.Argument(help="The system to train.")],
    out: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="OUT", help="Folder of the run; the model is OUT/model.", show_default=False
        ),
    ],
    data: Annotated[
        Path | None,
        typer.Argument(
            metavar="[DATA]",
            help="Labelled scans: images and truth or labels, nnU-Net's raw data, or DICOM studies with masks. "
            "Without them it learns from drawn chests.",
            exists=True,
            file_okay=False,
        ),
    ] = None,
    fold: Annotated[
        str | None,
        typer.Option(metavar="0…4|loo", help="Leave out a fifth of the patients, or each in turn.", show_default=False),
    ] = None,
    scale: Annotated[
        float,
        typer.Option(
            min=1e-5, max=1000, help="Of the paper's steps: 30,000, 70,000 and 40,000; 150,000.", show_default=True
        ),
    ] = 1.0,
    phantoms: Annotated[int, typer.Option(min=4, help="Without DATA: drawn chests to learn from.")] = 110,
    background: Scans = None,
    held_out: Annotated[
        list[Path] | None,
        typer.Option(metavar="SCAN", help="Without DATA: a real CT to validate on; may be repeated.", exists=True),
    ] = None,
    reviewed: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Without DATA: JSON that says where backgrounds may hold nodes; all else that was looked at is none.",
            exists=True,
            dir_okay=False,
            show_default=False,
        ),
    ] = None,
    credit: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME:LICENCE", help="Whom the model's card credits for a scan; may be repeated."),
    ] = None,
    station_spacing: Annotated[
        float,
        typer.Option(min=0.5, max=4, metavar="MM", help="With DATA: voxels of the station network; 2 suits a CPU."),
    ] = 1.0,
    stations: Annotated[
        str | None,
        typer.Option(
            metavar="CODE,…|all",
            help="With DATA: what the station network tells apart; every node gets one of these. (default: the paper's "
            "eleven)",
            show_default=False,
        ),
    ] = None,
    malignancy_rule: Annotated[
        StationRule | None,
        typer.Option(
            help="What a malignant station teaches: paper, all its nodes while all are called benign; largest, the "
            "most suspicious alone; any, that one of them is. (default: paper with DATA, any without)",
            show_default=False,
        ),
    ] = None,
    calibration: Annotated[Curve, typer.Option(help="Curve of the probabilities of malignancy.")] = Curve.temperature,
    channels: ChannelsOption = None,
    steps: StepsOption = None,
    size: SizeOption = SizeChoice.paper,
    loss: LossOption = LossChoice.weighted,
    atlas: AtlasOption = None,
    semi: SemiOption = None,
    smart_cache: SmartCacheOption = 0,
    seed: Annotated[int, typer.Option(min=0, help="Everything random follows from it.")] = 0,
    device: DeviceOption = Device.auto,
    devices: Annotated[int, typer.Option(min=1, help="How many of them.")] = 1,
    workers: Annotated[
        int, typer.Option(min=0, help="Threads that make batches ahead; 0 for none. The result is the same.")
    ] = 1,
    threads: ThreadsOption = None,
) -> None:
    """Train a system, all its steps in order. Stopped at any moment, the same command goes on where it was.

    Example: nodewise train three_step lnq2023 -o runs/lnq --fold 0

    nodewise train atlas_prior lnq2023 -o runs/prior --fold 0 --channels prior

    nodewise train three_step -o runs/drawn --scale 0.1 --background scans/a.nii.gz --background scans/b.nii.gz
    """
    import torch

    from nodewise.recipes.three_step import train as train_three_step
    from nodewise.recipes.three_step.effort import Backgrounds, Effort
    from nodewise.recipes.three_step.malignancy import Rule

    use_threads(threads)
    asked = Asked(channels, steps, size, loss, atlas, semi, smart_cache)
    if recipe is Recipe.atlas_prior:
        others = {
            "--background": background,
            "--held-out": held_out,
            "--reviewed": reviewed,
            "--credit": credit,
            "--stations": stations,
            "--malignancy-rule": malignancy_rule,
        }
        for name, value in others.items():
            if value:
                raise BadInputError(f"{name} is for the recipe three_step: leave it out")
        made = train_prior(
            out, data, _fold(fold), asked, scale=scale, seed=seed, device=device.value, devices=devices, workers=workers
        )
        for model in made:
            console.print(f"model: {model}", soft_wrap=True)
        return
    asked.refuse()
    rule = None if malignancy_rule is None else Rule[malignancy_rule.name.upper()]
    effort = Effort(
        scale,
        phantoms,
        seed,
        device.value,
        devices,
        torch.get_num_threads(),
        rule,
        station_spacing,
        workers,
        calibration.value,
        _stations(stations),
    )
    scans = Backgrounds(
        tuple(background or ()),
        tuple(held_out or ()),
        tuple(_source(line) for line in credit or ()),
        reviewed,
    )
    with counted_stages(f"train {recipe.value}") as progress:
        models = train_three_step(out, effort, data=data, fold=_fold(fold), scans=scans, progress=progress)
    for model in models:
        console.print(f"model: {model}", soft_wrap=True)


def _source(line: str) -> Source:
    from nodewise.models.model_file import Source

    name, _, licence = (" ".join(part.split()) for part in line.partition(":"))
    if not (name and licence) or max(len(name), len(licence)) > 200:
        raise BadInputError(f"--credit {line!r} is not NAME:LICENCE: such as 'LIDC-IDRI: CC BY 3.0'")
    return Source(name=name, licence=licence)


def _stations(words: str | None) -> tuple[Station, ...] | None:
    """In the order of the map, whatever that of the words."""
    from nodewise.recipes.three_step.stations import TRAINED
    from nodewise.values.station import Station

    if words is None:
        return None
    if words.strip() == "all":
        return TRAINED
    known = {station.code: station for station in Station if station is not Station.UNKNOWN}
    codes = {code.strip() for code in words.split(",")}
    for code in sorted(codes - set(known)):
        raise BadInputError(f"--stations: there is no station {code!r}: name some of {', '.join(known)}, or all")
    return tuple(station for code, station in known.items() if code in codes)


def _fold(word: str | None) -> int | Literal["loo"] | None:
    if word is None:
        return None
    if word == "loo":
        return "loo"
    if not word.isdigit():
        raise BadInputError(f"there is no fold {word}: give a number from 0, or loo")
    return int(word)

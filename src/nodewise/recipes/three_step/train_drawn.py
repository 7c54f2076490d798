"""The three steps learned without labelled scans: from drawn chests, and implants in real scans."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from nodewise.recipes.three_step.backgrounds import survey_scans
from nodewise.recipes.three_step.bank import phantom_bank
from nodewise.recipes.three_step.effort import Backgrounds, Effort, OnProgress
from nodewise.recipes.three_step.examples import DrawnChests, Example, ImplantedScans, Source
from nodewise.recipes.three_step.malignancy import BUNDLED
from nodewise.recipes.three_step.malignancy import PAPER as MALIGNANCY
from nodewise.recipes.three_step.malignancy_drawn import train_on_drawn_nodes
from nodewise.recipes.three_step.nodes import PHANTOM, TrainedNodes, train_nodes
from nodewise.recipes.three_step.nodes_phantom import batch, class_weights, fingerprint, node_loss
from nodewise.recipes.three_step.save import Made, save_model
from nodewise.recipes.three_step.stations import PAPER_STEPS, train_stations

NAME = "three-step-phantom"
HELD_OUT_PATCHES = 32


def train_on_drawn(out: Path, effort: Effort, scans: Backgrounds, progress: OnProgress) -> Path:
    """Train, and write ``out/model``; see ``nodewise.recipes.three_step.train``."""
    stations = train_stations(
        effort.run(out / "stations", PAPER_STEPS), phantoms=effort.phantoms, progress=partial(progress, "stations")
    )
    nodes, made = _nodes(out / "nodes", effort, scans, progress)
    run = effort.run(out / "malignancy", MALIGNANCY.steps)
    malignancy = train_on_drawn_nodes(run, progress, effort.rule or BUNDLED.rule, effort.calibration)
    return save_model(out / "model", made, PHANTOM, nodes, stations, malignancy)


def _nodes(out: Path, effort: Effort, scans: Backgrounds, progress: OnProgress) -> tuple[TrainedNodes, Made]:
    sources, held_out = _material(out, effort, scans, progress)
    run, seed = effort.run(out / "fit", PHANTOM.steps), effort.seed
    trained = train_nodes(
        PHANTOM,
        partial(batch, tuple(sources), seed),
        partial(node_loss, weights=class_weights(sources[0], seed)),
        held_out,
        run,
        progress=lambda now: progress("nodes", now.step, run.steps),
    )
    implants = f" and on implants in {len(scans.training)} real scans" if scans.training else ""
    others = f" and of implants in {len(scans.held_out)} other real scans" if scans.held_out else ""
    made = Made(
        name=NAME,
        trained_on=f"The networks were trained on drawn phantom chests{implants}, on no annotated patient: "
        "on a real scan expect missed and false nodes.",
        held_out=f"{HELD_OUT_PATCHES} patches of drawn chests{others}",
        fingerprint=fingerprint(tuple(sources), seed),
        command=_command(effort, scans),
        seed=seed,
        licence="Apache-2.0",
        sources=scans.credits,
        stations_held_out="patches of other drawn chests",
        malignancy_held_out="resected stations of other drawn patients",
    )
    return trained, made


def _material(
    out: Path, effort: Effort, scans: Backgrounds, progress: OnProgress
) -> tuple[list[Source], dict[str, list[Example]]]:
    """What to learn from and what to validate on; real scans get the other method of pasting to validate on."""
    from nodewise.phantom.implant import PasteMethod, read_reviews
    from nodewise.phantom.patches import PatchSource

    spacing, patch, count = PHANTOM.preparation.spacing_mm, PHANTOM.patch, effort.phantoms
    drawn = count + max(2, count // 20)
    bank = phantom_bank(
        out / "bank",
        drawn,
        effort.seed,
        spacing,
        processes=effort.processes,
        progress=lambda done: progress("drawing chests", done, drawn),
    )
    number = len(scans.training) + len(scans.held_out)
    reviews = {} if scans.reviews is None else read_reviews(scans.reviews)
    survey = partial(survey_scans, spacing_mm=spacing, reviews=reviews)
    training = survey(scans.training, twins=True, progress=lambda done: progress("surveying scans", done, number))
    others = survey(
        scans.held_out, progress=lambda done: progress("surveying scans", len(scans.training) + done, number)
    )
    sources: list[Source] = [DrawnChests(PatchSource(bank[:count], patch))]
    held_out: dict[str, Source] = {"phantom": DrawnChests(PatchSource(bank[count:], patch))}
    if training:
        sources.append(ImplantedScans(training, patch, PasteMethod.ALPHA))
    if others:
        held_out["implant"] = ImplantedScans(others, patch, PasteMethod.POISSON)
    return sources, {kind: _draw(source, effort.seed) for kind, source in held_out.items()}


def _draw(source: Source, seed: int) -> list[Example]:
    return [source.draw(np.random.default_rng((seed, 1, i))) for i in range(HELD_OUT_PATCHES)]


def _command(effort: Effort, scans: Backgrounds) -> str:
    words: Sequence[str] = (
        f"nodewise train three_step --scale {effort.scale:g} --phantoms {effort.phantoms} {effort.command}",
        *(f"--background {path.name}" for path in scans.training),
        *(f"--held-out {path.name}" for path in scans.held_out),
        *(() if scans.reviews is None else (f"--reviewed {scans.reviews.name}",)),
    )
    return " ".join(words)

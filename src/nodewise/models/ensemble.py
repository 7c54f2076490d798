"""Several models of one kind, such as those of the folds, as one whose networks are averaged."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from nodewise.io.whole import require_outside, whole
from nodewise.models.bundle import Bundle, load_bundle
from nodewise.models.calibration_file import CalibrationFile, TemperatureFile
from nodewise.models.card import card, metric_table
from nodewise.models.model_file import ModelFile, OperatingPoint, StepFile, shortened
from nodewise.values.errors import BadInputError

COMMAND = "nodewise models ensemble"


def join_models(members: Sequence[Bundle], out: Path, *, name: str | None = None, overwrite: bool = False) -> Bundle:
    """One model of the networks of all, complete or not at all.

    Thresholds are averaged. Figures are not those of the ensemble: the card lists them by member.

    Args:
        members: of one recipe, with the same networks and preparations.
        out: new folder.
        name: of the ensemble; the first member's and how many where None.
        overwrite: what is at ``out``.

    Raises:
        BadInputError: fewer than two, one of them twice, they differ, or ``out`` cannot be written.
    """
    require_outside(out, *(member.folder for member in members))
    _check(members)
    model = _joined(members, name or f"{members[0].name[:80]}-ensemble-of-{len(members)}")
    with whole(out, overwrite=overwrite) as aside:
        for step, made in model.steps.items():
            origins = [member.folder / file.name for member in members for file in member.step(step).weights]
            for origin, file in zip(origins, made.weights, strict=True):
                shutil.copyfile(origin, aside / file.name)
        for file_name in members[0].beside:
            shutil.copyfile(members[0].folder / file_name, aside / file_name)
        (aside / "card.md").write_text(_card(model, members), encoding="utf-8")
        (aside / "model.json").write_text(model.model_dump_json(indent=2) + "\n", encoding="utf-8")
        load_bundle(aside)
    return load_bundle(out)


def _check(members: Sequence[Bundle]) -> None:
    """Nothing, where the members can be averaged."""
    if len(members) < 2:
        raise BadInputError("an ensemble needs two models or more: name their folders")
    first, *others = members
    wanted = _kind(first.model)
    for place, other in enumerate(others, 1):
        found = _kind(other.model)
        for key in {**wanted, **found}:
            if wanted.get(key) != found.get(key):
                raise BadInputError(
                    f"{first.folder} and {other.folder} cannot be averaged: {key} is {wanted.get(key)} in one and "
                    f"{found.get(key)} in the other"
                )
        for twin in members[:place]:
            if twin.model.weights_sha256 == other.model.weights_sha256:
                raise BadInputError(f"{twin.folder} and {other.folder} have the same weights: name each model once")
    _check_calibrations(members)


def _check_calibrations(members: Sequence[Bundle]) -> None:
    """Nothing, where each step's probabilities have one calibration, or temperatures, which have a mean."""
    for name in members[0].model.steps:
        each = [member.step(name).calibration for member in members]
        if any(one != each[0] for one in each) and not all(isinstance(one, TemperatureFile) for one in each):
            raise BadInputError(
                f"the models cannot be averaged: {name} is calibrated by different curves, of which no mean is known: "
                "train them with --calibration temperature"
            )


def _kind(model: ModelFile) -> dict[str, Any]:
    """All that members have to share, by name."""
    told: dict[str, Any] = {
        "recipe": model.recipe,
        "steps": ", ".join(sorted(model.steps)),
        "minimum_short_axis_mm": model.minimum_short_axis_mm,
        "threshold of the score": "there" if model.operating_point.threshold is not None else "missing",
    }
    for name, step in model.steps.items():
        parts = step.model_dump(mode="json", include={"kind", "plan", "preparation", "patch", "outputs"})
        for key, value in parts.items():
            inner = value.items() if isinstance(value, dict) else [("", value)]
            told |= {f"{name}: {key} {field}".strip(): part for field, part in inner}
        told[f"{name}: threshold"] = "there" if step.threshold is not None else "missing"
    return told


def _joined(members: Sequence[Bundle], name: str) -> ModelFile:
    models = [member.model for member in members]
    first = models[0]
    prints = [model.data_fingerprint for model in models]
    try:
        return ModelFile(
            name=name,
            recipe=first.recipe,
            steps={step: _step(step, [model.steps[step] for model in models]) for step in first.steps},
            minimum_short_axis_mm=first.minimum_short_axis_mm,
            operating_point=_operating_point(models),
            trained_on=shortened(_distinct((model.trained_on for model in models), " ")),
            data_fingerprint=prints[0]
            if len(set(prints)) == 1
            else hashlib.sha256("\n".join(prints).encode()).hexdigest(),
            versions=_versions(models),
            licence=_distinct((model.licence for model in models), "; "),
            sources=tuple(dict.fromkeys(source for model in models for source in model.sources)),
            seed=first.seed if all(model.seed == first.seed for model in models) else 0,
            command=shortened(f"{COMMAND} {' '.join(model.name for model in models)}"),
        )
    except ValidationError as error:
        problem = error.errors()[0]
        where, told = ".".join(map(str, problem["loc"])), " ".join(problem["msg"].split())
        raise BadInputError(f"the models cannot be joined: at {where}: {told}") from error


def _step(name: str, each: Sequence[StepFile]) -> StepFile:
    files = [file for step in each for file in step.weights]
    renamed = [file.model_copy(update={"name": f"{name}-{i}.safetensors"}) for i, file in enumerate(files)]
    made = {
        "weights": tuple(renamed),
        "threshold": _mean([step.threshold for step in each]),
        "calibration": _calibration([step.calibration for step in each]),
        "steps": max(step.steps for step in each),
    }
    return StepFile.model_validate({**dict(each[0]), **made})


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _calibration(each: Sequence[CalibrationFile | None]) -> CalibrationFile | None:
    """What they share, or the mean of temperatures."""
    warm = [one for one in each if isinstance(one, TemperatureFile)]
    if not warm or len(set(warm)) == 1:
        return each[0]
    scale, shift = (sum(values) / len(warm) for values in zip(*((one.scale, one.shift) for one in warm), strict=True))
    return TemperatureFile(kind="temperature", scale=scale, shift=shift)


def _operating_point(models: Sequence[ModelFile]) -> OperatingPoint:
    threshold = _mean([model.operating_point.threshold for model in models])
    if threshold is None:
        return OperatingPoint()
    return OperatingPoint(threshold=threshold, chosen_on=f"nothing: the mean of {len(models)} models' thresholds")


def _versions(models: Sequence[ModelFile]) -> dict[str, str]:
    names = dict.fromkeys(name for model in models for name in model.versions)
    seen = {name: _distinct((model.versions.get(name, "") for model in models), ", ") for name in names}
    return {**seen, "nodewise": version("nodewise")}


def _distinct(words: Iterable[str], between: str) -> str:
    return between.join(dict.fromkeys(word for word in words if word))


def _card(model: ModelFile, members: Sequence[Bundle]) -> str:
    tables = [(member, metric_table(member.model.metrics)) for member in members]
    each = [f"{i}. {member.name}, made by `{member.model.command or 'unknown'}`" for i, member in enumerate(members, 1)]
    measured = [f"Member {i}:\n\n{table}" for i, (_, table) in enumerate(tables, 1) if table]
    return card(
        model,
        f"{len(members)} models whose networks are averaged; thresholds and temperatures are the means of theirs.",
        measured="\n\n".join(("Nothing on the ensemble. Its members, each alone:", "\n".join(each), *measured)),
        limits=("Those of its members: see their cards.",),
    )

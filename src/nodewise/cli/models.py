"""``nodewise models``: the folders that trained models travel in."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markdown import Markdown
from rich.markup import escape
from rich.table import Column, Table

from nodewise.cli.options import OverwriteOption
from nodewise.cli.screen import console
from nodewise.io.whole import require_free, require_outside

if TYPE_CHECKING:
    from nodewise.models.bundle import Bundle
    from nodewise.models.model_file import ModelFile

models = typer.Typer(
    help="Trained models: list, show, check, hand on, join, or take over from nnU-Net.", invoke_without_command=True
)


class Format(StrEnum):
    """What a model is exported as."""

    folder = "folder"
    openvino = "openvino"


ModelArgument = Annotated[
    str,
    typer.Argument(
        metavar="MODEL", help="default, the name of a bundled model, or a model folder.", show_default=False
    ),
]
OutOption = Annotated[
    Path,
    typer.Option("--output", "-o", metavar="OUT", help="Folder to make; it is complete or absent.", show_default=False),
]
JsonOption = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]


@models.callback()
def _without_a_command(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@models.command("list")
def list_models(
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="FOLDER", help="A folder of model folders instead.", show_default="the bundled models"),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """The models that are there, with what each was trained on.

    Example: nodewise models list
    """
    rows = [_row(path) for path in _folders(folder)]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    wide = Column("model", overflow="fold", min_width=18)
    table = Table(wide, "recipe", Column("steps", max_width=10), "size", "trained on")
    for row in rows:
        told = f"[red]refused:[/] {escape(row['refused'])}" if "refused" in row else escape(row["trained_on"])
        size = f"{row['bytes'] / 1e6:.1f} MB"
        table.add_row(escape(row["name"]), escape(row["recipe"]), ", ".join(row["steps"]), size, told)
    console.print(table)


@models.command("info")
def show_model(model: ModelArgument = "default", as_json: JsonOption = False) -> None:
    """Everything that a model says of itself: networks, preparation, thresholds, data, licence, figures, its card.

    Example: nodewise models info default
    """
    bundle = _load(model)
    if as_json:
        typer.echo(bundle.model.model_dump_json(indent=2))
        return
    console.print(_facts(bundle))
    console.print(_steps(bundle.model))
    if bundle.model.metrics:
        console.print(_figures(bundle.model))
    console.rule("Card")
    console.print(Markdown(bundle.card))


@models.command("verify")
def verify_model(model: ModelArgument = "default") -> None:
    """Check a model: schema, SHA-256 of each file, weights that fit and are finite, finite answers. Exit 2 if not.

    Example: nodewise models verify runs/first/model
    """
    from nodewise.models.verify import verify

    bundle = _load(model)
    parameters = verify(bundle)
    for name, count in parameters.items():
        many = len(bundle.step(name).weights)
        console.print(f"{name}: {many} network{'s' if many > 1 else ''}, {count:,} parameters, sound", soft_wrap=True)
    console.print(f"{bundle.name} is whole and unchanged: {bundle.folder}", soft_wrap=True, markup=False)


@models.command("export")
def export_model(
    model: ModelArgument,
    out: OutOption,
    to: Annotated[
        Format, typer.Option("--format", help="folder: a copy; openvino: each network as IR, with a JSON on its use.")
    ] = Format.folder,
    overwrite: OverwriteOption = False,
) -> None:
    """Copy a model for others to use, or write its networks for OpenVINO.

    Example: nodewise models export default -o shared/model --format openvino
    """
    from nodewise.models.export import copy_model, export_openvino

    bundle = _load(model)
    if to is Format.folder:
        copy_model(bundle, out, overwrite=overwrite)
        console.print(f"model: {out}", soft_wrap=True, markup=False)
        return
    for path in export_openvino(bundle, out, overwrite=overwrite):
        console.print(f"network: {path}", soft_wrap=True, markup=False)


@models.command("ensemble")
def join(
    folders: Annotated[
        list[str],
        typer.Argument(metavar="FOLDER FOLDER...", help="Models of one kind: two or more.", show_default=False),
    ],
    out: OutOption,
    name: Annotated[
        str | None, typer.Option(help="Of the ensemble.", show_default="the first one's, and how many")
    ] = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Join models with the same networks and preparations, such as those of the folds: their networks are averaged.

    Example: nodewise models ensemble folds/0/model folds/1/model folds/2/model -o ensemble
    """
    from nodewise.models.ensemble import join_models

    bundle = join_models([_load(folder) for folder in folders], out, name=name, overwrite=overwrite)
    console.print(f"model: {bundle.folder}", soft_wrap=True, markup=False)


@models.command("import-nnunet")
def import_from_nnunet(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER",
            help="A model trained by nnU-Net v2: plans.json, dataset.json and fold_*/checkpoint_final.pth.",
            show_default=False,
        ),
    ],
    out: OutOption,
    name: Annotated[str | None, typer.Option(help="Of the model.", show_default="the data set's name")] = None,
    fold: Annotated[
        list[str] | None,
        typer.Option(help="0, 1, … or all; again for each of an ensemble.", show_default="all there are"),
    ] = None,
    configuration: Annotated[
        str | None, typer.Option(help="Such as 3d_fullres.", show_default="that of the folder")
    ] = None,
    checkpoint: Annotated[str, typer.Option(help="File of each fold.")] = "checkpoint_final.pth",
    label: Annotated[int, typer.Option(min=1, help="Which of its labels is lymph node.")] = 1,
    licence: Annotated[str, typer.Option(help="Under which its weights may be used.")] = "unknown",
    mirroring: Annotated[
        bool,
        typer.Option("--mirror/--no-mirror", help="Predict mirrored too, as nnU-Net does: up to eight times slower."),
    ] = True,
    orientation: Annotated[
        str, typer.Option(help="Where the axes of its training files ran: LPS as in DICOM, RAS as in most NIfTI files.")
    ] = "LPS",
    overwrite: OverwriteOption = False,
) -> None:
    """Make a model folder of a trained nnU-Net; nnU-Net need not be installed, and nothing in its files is executed.

    Example: nodewise models import-nnunet nnUNet_results/Dataset017/nnUNetTrainer__nnUNetPlans__3d_fullres -o model
    """
    from nodewise.models.nnunet import import_nnunet

    require_outside(out, folder)
    require_free(out, overwrite=overwrite)
    bundle = import_nnunet(
        folder,
        out,
        name=name,
        folds=tuple(fold or ()),
        configuration=configuration,
        checkpoint=checkpoint,
        label=label,
        licence=licence,
        mirroring=mirroring,
        orientation=orientation,
    )
    console.print(f"model: {bundle.folder}", soft_wrap=True, markup=False)


def _load(model: str) -> Bundle:
    from nodewise.models.bundle import load_bundle
    from nodewise.recipes.load import find_model

    return load_bundle(find_model(model))


def _folders(folder: Path | None) -> list[Path]:
    from nodewise.models.bundle import bundled_folders
    from nodewise.values.errors import BadInputError

    if folder is None:
        return bundled_folders()
    found = sorted({path.parent for depth in ("", "*/", "*/*/") for path in folder.glob(f"{depth}model.json")})
    if not found:
        raise BadInputError(f"there is no model in {folder}, nor in folders two levels below: name another folder")
    return found


def _row(folder: Path) -> dict[str, Any]:
    """What ``list`` says of a model; one that cannot be read says why."""
    from nodewise.models.bundle import load_bundle
    from nodewise.values.errors import BadInputError

    row: dict[str, Any] = {"name": folder.name, "folder": str(folder), "recipe": "", "steps": [], "trained_on": ""}
    row["bytes"] = sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
    try:
        model = load_bundle(folder).model
    except BadInputError as problem:
        return {**row, "refused": str(problem)}
    return {**row, **model.model_dump(include={"name", "recipe", "trained_on", "licence"}), "steps": list(model.steps)}


def _facts(bundle: Bundle) -> Table:
    model, point = bundle.model, bundle.model.operating_point
    shown = {
        "name": model.name,
        "folder": str(bundle.folder),
        "recipe": model.recipe,
        "trained on": model.trained_on,
        "data": "; ".join(f"{source.name} ({source.licence})" for source in model.sources),
        "data fingerprint": model.data_fingerprint,
        "command": model.command,
        "seed": str(model.seed),
        "versions": ", ".join(f"{name} {number}" for name, number in model.versions.items()),
        "licence": model.licence,
        "smallest short axis": f"{model.minimum_short_axis_mm:g} mm",
        "score from": "" if point.threshold is None else f"{point.threshold:g}",
        "chosen on": point.chosen_on,
        "recall there": "" if point.recall is None else f"{point.recall:g}",
        "false positives a case there": (
            "" if point.false_positives_per_case is None else f"{point.false_positives_per_case:g}"
        ),
        "weights SHA-256": model.weights_sha256,
    }
    table = Table("", Column(overflow="fold"), show_header=False, title="Model", title_justify="left")
    for name, value in shown.items():
        if value:
            table.add_row(name, escape(value))
    return table


def _steps(model: ModelFile) -> Table:
    from nodewise.models.card import describe_network

    table = Table("step", "what it is", title="Steps", title_justify="left")
    for name, step in model.steps.items():
        told = step.model_dump(mode="json", include={"preparation", "threshold", "calibration"})
        shown = {
            "network": describe_network(step),
            "outputs": ", ".join(step.outputs),
            **({"steps of the optimiser": f"{step.steps:,}"} if step.steps else {}),
            **{key: _words(value) for key, value in told.items() if value is not None},
            "weights": ", ".join(file.name for file in step.weights),
        }
        for i, (key, value) in enumerate(shown.items()):
            table.add_row("" if i else name, escape(f"{key}: {value}"), end_section=i == len(shown) - 1)
    return table


def _words(value: Any) -> str:
    if not isinstance(value, dict):
        return f"{value:g}"
    rest = (f"{key.replace('_', ' ')} {json.dumps(part)}" for key, part in value.items() if key != "kind")
    return ", ".join((value["kind"], *rest))


def _figures(model: ModelFile) -> Table:
    table = Table("figure", "value", "95 % interval", "on", title="Measured", title_justify="left")
    for name, metric in model.metrics.items():
        interval = "" if metric.low is None or metric.high is None else f"{metric.low:.3g} to {metric.high:.3g}"
        table.add_row(escape(name), f"{metric.value:.4g}", interval, escape(metric.on))
    return table

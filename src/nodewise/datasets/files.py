"""Scans and labels of the same names in two folders: plain pairs, and nnU-Net's raw layout."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nodewise.datasets.case import Facts, LabelledCase
from nodewise.datasets.table import TABLE_FILE, read_table
from nodewise.io.itk import SUFFIXES, is_image
from nodewise.values.errors import BadInputError

CT_CHANNEL = "_0000"
"""What nnU-Net's images have behind their cases' names, and predictions that are named after them."""


def pair_cases(folder: Path) -> tuple[LabelledCase, ...]:
    """``images`` and ``labels`` of the same names, with ``stations``, ``ignore`` and ``cases.csv`` where there are any.

    Labels are a mask, or instances; stations hold ``Station.label``.

    Raises:
        BadInputError: names do not match, or one is there twice.
    """
    images, labels = _by_name(folder / "images"), _by_name(folder / "labels")
    stations, ignore = (_by_name(folder / kind) for kind in ("stations", "ignore"))
    return _cases(folder, images, labels, stations, ignore, None, None)


def nnunet_cases(folder: Path) -> tuple[LabelledCase, ...]:
    """nnU-Net v2's raw data: ``imagesTr/NAME_0000``, ``labelsTr/NAME``, ``dataset.json``; ``cases.csv`` may say more.

    The node is the one class there is, or the one whose name says so; the label called ``ignore`` is ignored.

    Raises:
        BadInputError: as ``pair_cases``; or ``dataset.json`` does not say which label is a lymph node, or which channel
            is the CT.
    """
    content = _dataset_json(folder / "dataset.json")
    node, ignored = _labels_of(content, folder / "dataset.json")
    channel = _ct_channel(content, folder / "dataset.json")
    images = {
        name[: -len(channel)]: path for name, path in _by_name(folder / "imagesTr").items() if name.endswith(channel)
    }
    return _cases(folder, images, _by_name(folder / "labelsTr"), {}, {}, node, ignored)


def _cases(
    folder: Path,
    images: Mapping[str, Path],
    labels: Mapping[str, Path],
    stations: Mapping[str, Path],
    ignore: Mapping[str, Path],
    node_label: int | None,
    ignore_label: int | None,
) -> tuple[LabelledCase, ...]:
    told = read_table(folder)
    for have, want, what in ((images, labels, "label"), (labels, images, "scan")):
        lost = sorted(have.keys() - want.keys())
        if lost:
            raise BadInputError(f"{folder}: {lost[0]} has no {what}{_more(lost)}: add it, or take the other away")
    strange = sorted(told.keys() - images.keys())
    if strange:
        raise BadInputError(f"{folder / TABLE_FILE} names {strange[0]}, of which there is no scan{_more(strange)}")
    return tuple(
        LabelledCase(
            name=name,
            patient=(facts := told.get(name, Facts())).patient or name,
            image=image,
            nodes=labels[name],
            stations=stations.get(name),
            ignore=ignore.get(name),
            histology=facts.histology,
            primary=facts.primary,
            annotation=facts.annotation,
            node_label=node_label,
            ignore_label=ignore_label,
        )
        for name, image in sorted(images.items())
    )


def _by_name(folder: Path) -> dict[str, Path]:
    """Image files, and folders with DICOM, by name without the ending."""
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if path.name.startswith(".") or not (path.is_dir() or is_image(path)):
            continue
        ending = "" if path.is_dir() else next(s for s in SUFFIXES if path.name.lower().endswith(s))
        name = path.name[: len(path.name) - len(ending)]
        if name in found:
            raise BadInputError(f"{folder} holds {found[name].name} and {path.name} for the same name: keep one")
        found[name] = path
    return found


def _dataset_json(path: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInputError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(content, dict) or not isinstance(content.get("labels"), dict):
        raise BadInputError(f"{path} has no labels: an nnU-Net dataset.json names them")
    return content


def _labels_of(content: Mapping[str, Any], path: Path) -> tuple[int, int | None]:
    """Values of lymph node and of ignore."""
    labels = {str(name).lower(): value for name, value in content["labels"].items()}
    ignored = labels.pop("ignore", None)
    classes = {name: value for name, value in labels.items() if value not in (0, "0") and name != "background"}
    nodes = classes if len(classes) == 1 else {name: value for name, value in classes.items() if "node" in name}
    if len(nodes) != 1 or not all(isinstance(value, int) for value in nodes.values()):
        named = ", ".join(classes) or "none"
        raise BadInputError(f"{path}: which label is lymph node cannot be told ({named}): name one of them lymph_node")
    return next(iter(nodes.values())), ignored


def _ct_channel(content: Mapping[str, Any], path: Path) -> str:
    channels = content.get("channel_names") or content.get("modality") or {"0": "CT"}
    numbers = [number for number, name in channels.items() if str(name).upper() == "CT"]
    if len(channels) == 1:
        return CT_CHANNEL
    if len(numbers) != 1:
        raise BadInputError(
            f"{path}: which channel is the CT cannot be told ({', '.join(map(str, channels.values()))})"
        )
    return f"_{int(numbers[0]):04d}"


def _more(names: list[str]) -> str:
    return f" (nor have {len(names) - 1} others)" if len(names) > 1 else ""

"""Scans and labels of the same names in two folders: plain pairs, and nnU-Net's raw layout."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nodewise.datasets.about import read_about
from nodewise.datasets.case import Dataset, LabelledCase, LeftOut
from nodewise.datasets.node_table import NODE_TABLE_FILE, read_node_table
from nodewise.datasets.table import read_table, with_table
from nodewise.io.itk import SUFFIXES, is_image
from nodewise.values.errors import BadInputError

DATASET_FILE = "dataset.json"
ORGANS_FILE = "organs.json"
CT_CHANNEL = "_0000"
"""What nnU-Net's images have behind their cases' names, and predictions that are named after them."""


def pair_dataset(folder: Path) -> Dataset:
    """``images`` and ``labels`` of the same names; ``stations``, ``ignore``, ``organs`` and tables if there are any.

    Labels are a mask, or instances; stations hold ``Station.label``; organs the numbers that ``organs.json`` gives by
    name. ``cases.csv`` says what files cannot (see ``table``), ``stations.csv`` where each node lies (``node_table``).

    Raises:
        BadInputError: a name is there twice, or a table cannot be understood.
    """
    images, labels = _by_name(folder / "images"), _by_name(folder / "labels")
    others = {kind: _by_name(folder / kind) for kind in ("stations", "ignore", "organs")}
    told, names, nodes = read_table(folder), _organ_names(folder), read_node_table(folder)
    unlabelled = {name for name, facts in told.items() if facts.annotation == "none" and name in images}
    lost = _alone(images, labels, unlabelled)
    strange = sorted(nodes.keys() - images.keys())
    if strange:
        raise BadInputError(f"{folder / NODE_TABLE_FILE} names {strange[0]}, of which there is no scan{_more(strange)}")
    cases = [
        LabelledCase(
            name=name,
            patient=name,
            image=image,
            nodes=labels.get(name, image),
            stations=others["stations"].get(name),
            ignore=others["ignore"].get(name),
            organs=others["organs"].get(name),
            organ_names=names if name in others["organs"] else None,
            node_stations=nodes.get(name),
        )
        for name, image in images.items()
        if name in labels or name in unlabelled
    ]
    cases_told = with_table(folder, cases, [one.name for one in lost])
    return Dataset(folder, "pairs", cases_told, lost, read_about(folder))


def nnunet_dataset(folder: Path) -> Dataset:
    """nnU-Net v2's raw data: ``imagesTr/NAME_0000``, ``labelsTr/NAME``, ``dataset.json``; ``cases.csv`` may say more.

    The node is the one class there is, or the one whose name says so; the label called ``ignore`` is ignored.

    Raises:
        BadInputError: as ``pair_dataset``; or ``dataset.json`` does not say which label is a lymph node, or which
            channel is the CT.
    """
    path = folder / DATASET_FILE
    content = read_json(path)
    node, ignored = labels_of(content.get("labels"), path)
    channel = _ct_channel(content, path)
    images = {
        name[: -len(channel)]: path for name, path in _by_name(folder / "imagesTr").items() if name.endswith(channel)
    }
    labels = _by_name(folder / "labelsTr")
    lost = _alone(images, labels, set())
    cases = [
        LabelledCase(name, name, image, labels[name], node_label=node, ignore_label=ignored)
        for name, image in images.items()
        if name in labels
    ]
    return Dataset(folder, "nnU-Net", with_table(folder, cases, [one.name for one in lost]), lost)


def _alone(images: Mapping[str, Path], labels: Mapping[str, Path], unlabelled: set[str]) -> tuple[LeftOut, ...]:
    """Scans without the label they should have, and labels without a scan."""
    without = dict.fromkeys(images.keys() - unlabelled - labels.keys(), "label")
    without |= dict.fromkeys(labels.keys() - images.keys(), "scan")
    return tuple(LeftOut(name, "files", f"has no {what}") for name, what in sorted(without.items()))


def _organ_names(folder: Path) -> Mapping[str, int] | None:
    path = folder / ORGANS_FILE
    if not path.is_file():
        return None
    content = read_json(path)
    if not all(isinstance(number, int) and number > 0 for number in content.values()):
        raise BadInputError(f'{path}: give the number of each organ in the maps, as in {{"aorta": 52}}')
    return {str(name): int(number) for name, number in content.items()}


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


def read_json(path: Path) -> Mapping[str, Any]:
    """The object in a JSON file.

    Raises:
        BadInputError: it cannot be read, or holds no object.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInputError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(content, dict):
        raise BadInputError(f"{path} holds no JSON object")
    return content


def labels_of(labels: Any, path: Path) -> tuple[int, int | None]:
    """Values of lymph node and of ignore.

    Args:
        labels: values by name, as nnU-Net v2 has them, or names by value, as the Decathlon and nnU-Net v1 have them.
        path: of the file, for the message.

    Raises:
        BadInputError: there are none, or which is the lymph node cannot be told.
    """
    if not isinstance(labels, dict):
        raise BadInputError(f"{path} has no labels: a dataset.json names them")
    if labels and all(str(name).isdecimal() for name in labels):
        labels = {str(name): int(value) for value, name in labels.items()}
    named = {str(name).lower(): value for name, value in labels.items()}
    ignored = named.pop("ignore", None)
    classes = {name: value for name, value in named.items() if value not in (0, "0") and name != "background"}
    nodes = classes if len(classes) == 1 else {name: value for name, value in classes.items() if "node" in name}
    if len(nodes) != 1 or not all(isinstance(value, int) for value in nodes.values()):
        known = ", ".join(classes) or "none"
        raise BadInputError(f"{path}: which label is lymph node cannot be told ({known}): name one of them lymph_node")
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

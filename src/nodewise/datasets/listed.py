"""A folder whose ``dataset.json`` lists its cases, as the Medical Segmentation Decathlon and MONAI do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nodewise.datasets.about import About
from nodewise.datasets.case import Annotation, Dataset, LabelledCase, LeftOut
from nodewise.datasets.files import DATASET_FILE, labels_of, read_json
from nodewise.datasets.table import with_table
from nodewise.io.itk import SUFFIXES
from nodewise.values.errors import BadInputError

LAYOUT = "dataset.json"
_LISTS = ("training", "validation", "test")
_ANNOTATIONS: Mapping[object, Annotation] = {"full": "full", "partial": "partial", "none": "none"}
_MAPS = ("stations", "ignore", "organs")


def is_listed(folder: Path) -> bool:
    """Whether ``dataset.json`` lists images that are there by the names it gives."""
    path = folder / DATASET_FILE
    if not path.is_file():
        return False
    try:
        entries = list(_entries(read_json(path)))
    except BadInputError:
        return False
    return any((folder / str(entry["image"])).exists() for entry in entries)


def listed_dataset(folder: Path) -> Dataset:
    """Every entry with an ``image`` and a ``label`` in the lists ``training``, ``validation`` and ``test``.

    An entry may also give ``name``, ``patient``, ``annotation`` (full, partial, none), ``stations``, ``ignore`` and
    ``organs``; paths are inside the folder. ``labels`` says which value is the lymph node: without it each value is a
    node of its own. ``name``, ``licence``, ``reference`` and ``url`` say whose data they are.

    Raises:
        BadInputError: ``dataset.json`` cannot be understood, two entries have one name, or a path leads outside.
    """
    path = folder / DATASET_FILE
    content = read_json(path)
    node, ignored = (None, None) if content.get("labels") is None else labels_of(content["labels"], path)
    cases: dict[str, LabelledCase] = {}
    lost: list[LeftOut] = []
    for entry in _entries(content):
        case = _case(folder, entry, node, ignored)
        if case.name in cases:
            raise BadInputError(f"{path} lists two cases called {case.name}: give each a name of its own")
        absent = [what for what, file in (("scan", case.image), ("label", case.nodes)) if not file.exists()]
        if absent:
            lost.append(LeftOut(case.name, "files", f"is listed, but its {absent[0]} is not there"))
        else:
            cases[case.name] = case
    told = with_table(folder, cases.values(), [one.name for one in lost])
    return Dataset(folder, LAYOUT, told, tuple(lost), _about(content))


def _entries(content: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for name in _LISTS:
        for entry in content.get(name) or ():
            if isinstance(entry, dict) and isinstance(entry.get("image"), str) and _has_label(entry):
                yield entry


def _has_label(entry: Mapping[str, Any]) -> bool:
    return isinstance(entry.get("label"), str) or entry.get("annotation") == "none"


def _case(folder: Path, entry: Mapping[str, Any], node: int | None, ignored: int | None) -> LabelledCase:
    image = _inside(folder, entry["image"])
    name = str(entry.get("name") or _stem(image))
    if name.startswith(".") or set(name) & set("/\\"):
        raise BadInputError(f"{folder / DATASET_FILE}: {name} cannot be the name of a case: leave / and \\ out")
    annotation = _ANNOTATIONS.get(entry.get("annotation") or "full")
    if annotation is None:
        raise BadInputError(f"{folder / DATASET_FILE}: annotation of {name}: give full, partial or none")
    stations, ignore, organs = (
        _inside(folder, entry[kind]) if isinstance(entry.get(kind), str) else None for kind in _MAPS
    )
    return LabelledCase(
        name=name,
        patient=str(entry.get("patient") or name),
        image=image,
        nodes=_inside(folder, entry["label"]) if isinstance(entry.get("label"), str) else image,
        annotation=annotation,
        node_label=node,
        ignore_label=ignored,
        stations=stations,
        ignore=ignore,
        organs=organs,
    )


def _inside(folder: Path, words: str) -> Path:
    path = folder / words
    if not path.resolve().is_relative_to(folder.resolve()):
        raise BadInputError(f"{folder / DATASET_FILE} lists {words}, which lies outside its folder")
    return path


def _stem(path: Path) -> str:
    ending = next((suffix for suffix in SUFFIXES if path.name.lower().endswith(suffix)), "")
    return path.name[: len(path.name) - len(ending)]


def _about(content: Mapping[str, Any]) -> About | None:
    words = {key: " ".join(str(content.get(key) or "").split()) for key in ("name", "licence", "reference", "url")}
    if not (words["name"] or words["licence"]):
        return None
    return About(words["name"], words["name"], words["licence"] or "not told", words["url"], words["reference"])

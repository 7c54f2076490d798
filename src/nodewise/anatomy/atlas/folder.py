"""The folder an atlas travels in: ``atlas.json``, its maps as NIfTI, ``nodes.safetensors`` and ``card.md``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nodewise.io.itk import read_image, read_labels, write_nifti
from nodewise.io.whole import whole
from nodewise.values.atlas import Atlas, CaseNodes, Frame, Origin
from nodewise.values.errors import BadInputError
from nodewise.values.grid import Grid, Point
from nodewise.values.volume import Quantity, Volume

SCHEMA_VERSION = 1
STEPS = 255
"""The prior is kept in so many steps, as P3's program does."""
CT_STEP_HU = 10
CT_SPAN_HU = (-1000, 600)
_PRIOR, _ORGANS, _STATIONS, _CT = "prior.nii.gz", "organs.nii.gz", "stations.nii.gz", "ct.nii.gz"
_NODES, _JSON, _CARD = "nodes.safetensors", "atlas.json", "card.md"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class FrameFile(_Frozen):
    """``Frame``, LPS mm."""

    carina: Point
    planes: dict[str, float]
    width_mm: float | None
    depth_mm: float | None
    middle: list[Point] = Field(min_length=1)


class CaseFile(_Frozen):
    """One scan; its nodes lie in ``nodes.safetensors`` under its number in this list."""

    name: str
    patient: str
    method: str
    folding: float = Field(ge=0, le=1)


class AtlasFile(_Frozen):
    """The whole of ``atlas.json``; ``sha256`` is that of each other file."""

    schema_version: int
    name: str
    reference: str
    made_from: str
    command: str
    version: str
    licence: str
    frame: FrameFile
    organs: dict[str, int]
    cases: list[CaseFile] = Field(min_length=1)
    sha256: dict[str, str]


def save_atlas(atlas: Atlas, folder: Path, card: str, *, overwrite: bool = False) -> None:
    """Write an atlas, complete or not at all.

    Raises:
        BadInputError: the folder holds something and ``overwrite`` is False, or cannot be written.
    """
    with whole(folder, overwrite=overwrite) as aside:
        write_nifti(_in_steps(atlas.prior), aside / _PRIOR)
        write_nifti(atlas.organs, aside / _ORGANS)
        write_nifti(atlas.stations, aside / _STATIONS)
        if atlas.ct is not None:
            write_nifti(coarse_grey(atlas.ct), aside / _CT)
        (aside / _NODES).write_bytes(_packed(atlas.cases))
        (aside / _CARD).write_text(card, encoding="utf-8")
        sums = {path.name: _sha256(path) for path in sorted(aside.iterdir())}
        (aside / _JSON).write_text(_file_of(atlas, sums).model_dump_json(indent=1) + "\n", encoding="utf-8")


def load_atlas(folder: Path) -> Atlas:
    """Read an atlas folder and check it.

    Raises:
        BadInputError: it is none, a newer nodewise made it, or a file is missing or damaged.
    """
    told = _read_json(folder)
    for name, digest in told.sha256.items():
        path = folder / Path(name).name
        if not path.is_file():
            raise BadInputError(f"{folder} is not whole: {name} is missing")
        if _sha256(path) != digest:
            raise BadInputError(f"{path} is damaged or was changed: its SHA-256 is not that of {_JSON}")
    lost = [name for name in (_PRIOR, _ORGANS, _STATIONS, _NODES) if name not in told.sha256]
    if lost:
        raise BadInputError(f"{folder} is not whole: {lost[0]} is missing")
    steps = read_labels(folder / _PRIOR)
    prior = Volume(np.asfortranarray(steps.array / STEPS, np.float32), steps.grid, Quantity.PROBABILITY)
    frame = told.frame
    try:
        return Atlas(
            prior=prior,
            organs=read_labels(folder / _ORGANS),
            organ_names={label: name for name, label in told.organs.items()},
            stations=read_labels(folder / _STATIONS),
            frame=Frame(frame.carina, dict(frame.planes), frame.width_mm, frame.depth_mm, tuple(frame.middle)),
            cases=_unpacked(folder / _NODES, told.cases, prior.grid),
            origin=Origin(told.name, told.reference, told.made_from, told.command, told.version, told.licence),
            ct=read_image(folder / _CT)[0] if _CT in told.sha256 else None,
        )
    except ValueError as error:
        raise BadInputError(f"{folder} is damaged: {error}") from error


def bundled_atlas(name: str = "chest-phantom") -> Atlas:
    """An atlas that comes with nodewise; ``chest-phantom`` is drawn, not of people.

    Raises:
        BadInputError: there is none of this name.
    """
    root = Path(str(files("nodewise"))) / "atlases"
    if not (root / name / _JSON).is_file():
        there = ", ".join(sorted(path.parent.name for path in root.glob(f"*/{_JSON}"))) or "none"
        raise BadInputError(f"no atlas {name} comes with nodewise, only {there}: name a folder")
    return load_atlas(root / name)


def find_atlas(word: str) -> Atlas:
    """A folder's atlas, else the bundled one of that name; ``default`` is the bundled one.

    Raises:
        BadInputError: as ``load_atlas`` and ``bundled_atlas``.
    """
    if Path(word).is_dir():
        return load_atlas(Path(word))
    return bundled_atlas("chest-phantom" if word == "default" else word)


def card_of(folder: Path) -> str:
    """What the atlas was made of and what it must not be used for (Markdown)."""
    return (folder / _CARD).read_text(encoding="utf-8")


def coarse_grey(ct: Volume) -> Volume:
    """HU from −1000 to 600 in steps of 10: enough to draw on, and small."""
    grey = np.clip(ct.array, *CT_SPAN_HU)
    return Volume(np.asfortranarray(np.rint(grey / CT_STEP_HU) * CT_STEP_HU, np.float32), ct.grid, Quantity.HU)


def _in_steps(prior: Volume) -> Volume:
    return Volume(np.rint(prior.array * STEPS).astype(np.uint8), prior.grid, Quantity.LABEL)


def _file_of(atlas: Atlas, sums: Mapping[str, str]) -> AtlasFile:
    frame, origin = atlas.frame, atlas.origin
    return AtlasFile(
        schema_version=SCHEMA_VERSION,
        name=origin.name,
        reference=origin.reference,
        made_from=origin.made_from,
        command=origin.command,
        version=origin.version,
        licence=origin.licence,
        frame=FrameFile(
            carina=frame.carina,
            planes=dict(frame.planes),
            width_mm=frame.width_mm,
            depth_mm=frame.depth_mm,
            middle=list(frame.middle),
        ),
        organs={name: label for label, name in atlas.organ_names.items()},
        cases=[CaseFile(name=c.name, patient=c.patient, method=c.method, folding=c.folding) for c in atlas.cases],
        sha256=dict(sums),
    )


def _packed(cases: tuple[CaseNodes, ...]) -> bytes:
    from safetensors.numpy import save

    parts = {f"{n}.voxels": case.voxels for n, case in enumerate(cases)}
    return bytes(save({**parts, **{f"{n}.share": case.share for n, case in enumerate(cases)}}))


def _unpacked(path: Path, told: list[CaseFile], grid: Grid) -> tuple[CaseNodes, ...]:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        parts = load(path.read_bytes())
        cases = tuple(
            CaseNodes(c.name, c.patient, parts[f"{n}.voxels"], parts[f"{n}.share"], c.method, c.folding)
            for n, c in enumerate(told)
        )
    except (SafetensorError, KeyError) as error:
        raise BadInputError(f"{path} is damaged: it does not hold the nodes of every case") from error
    size = int(np.prod(grid.shape))
    for case in cases:
        if len(case.voxels) != len(case.share) or (
            len(case.voxels) and not 0 <= case.voxels.min() <= case.voxels.max() < size
        ):
            raise BadInputError(f"{path} is damaged: the nodes of {case.name} lie outside the atlas")
    return cases


def _read_json(folder: Path) -> AtlasFile:
    path = folder / _JSON
    if not path.is_file():
        raise BadInputError(f"{folder} is no atlas: it has no {_JSON}")
    try:
        content: Any = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise BadInputError(f"{path} cannot be read: {' '.join(str(error).split())}") from error
    version = content.get("schema_version") if isinstance(content, dict) else None
    if type(version) is not int:
        raise BadInputError(f"{path} cannot be read: it has no schema_version")
    if version > SCHEMA_VERSION:
        raise BadInputError(f"{path} has schema {version}, this nodewise reads up to {SCHEMA_VERSION}: update nodewise")
    try:
        return AtlasFile.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "its top"
        raise BadInputError(f"{path} does not follow schema {SCHEMA_VERSION} at {where}: {first['msg']}") from error


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

"""A path to a Study, whatever lies there; and the studies in a folder of many."""

from __future__ import annotations

import hashlib
from itertools import groupby
from pathlib import Path
from types import MappingProxyType

import numpy as np

from nodewise.io.archive import unzipped
from nodewise.io.dicom import read_dicom
from nodewise.io.dicom_facts import grid_facts
from nodewise.io.dicom_files import files_under, no_scan
from nodewise.io.dicom_header import is_dicom, read_header
from nodewise.io.hounsfield import AIR_HU, require_hu
from nodewise.io.itk import SUFFIXES, is_image, read_image
from nodewise.io.shear import unsheared
from nodewise.values.errors import BadInputError
from nodewise.values.orientation import closest_lps
from nodewise.values.study import Source, Study
from nodewise.values.volume import Volume

_EMPTY = "no DICOM, NIfTI, NRRD or MetaImage file"


def read_study(path: str | Path, *, allow_gaps: bool = False) -> Study:
    """One patient's CT from a DICOM folder (nested, several series), a zip of one, or one file of any kind.

    Args:
        path: folder, zip, multi-frame DICOM, NIfTI, NRRD or MetaImage.
        allow_gaps: interpolate where DICOM slices are missing instead of refusing.

    Raises:
        BadInputError: nothing there, no CT in HU, or more than one study; the message says which.
    """
    path = Path(path)
    if path.is_dir():
        return _read_folder(path, path.name or path.resolve().name, allow_gaps)
    if not path.is_file():
        raise BadInputError(f"{path}: there is no such file or folder")
    if is_dicom(path):
        return read_dicom([path], path.name, allow_gaps=allow_gaps)
    if is_image(path):
        return _read_image(path)
    if is_zip(path):
        with unzipped(path) as folder:
            return _read_folder(folder, path.name, allow_gaps)
    raise BadInputError(f"{path.name}: {_EMPTY}; give a CT in one of these")


def find_studies(path: str | Path) -> list[tuple[str, Path]]:
    """Name and path of each study under a path, to be read one by one; one pair where it is a single study.

    A folder with DICOM files directly in it, or below it of one StudyInstanceUID only, is one study. In any other
    folder each sub-folder is looked into in the same way, and each image file and each zip is a study of its own.
    What cannot be read is listed like the rest: reading it says why. Results of nodewise are passed over. Names come
    from folders and files, never from headers, and are unique. Only the first DICOM file of each folder is opened.

    Raises:
        BadInputError: there is no such path.
    """
    path = Path(path)
    if not path.exists():
        raise BadInputError(f"{path}: there is no such file or folder")
    found = [path] if path.is_file() else _studies(path)
    names: dict[str, Path] = {}
    for study in found:
        parts = study.relative_to(path).parts if study != path else (path.name or path.resolve().name,)
        base = "-".join((*parts[:-1], _stem(parts[-1]) if study.is_file() else parts[-1]))
        name = next(n for n in (base, *(f"{base}-{k}" for k in range(2, len(found) + 2))) if n not in names)
        names[name] = study
    return list(names.items())


def _studies(folder: Path) -> list[Path]:
    entries = sorted(entry for entry in folder.iterdir() if not no_scan(entry))
    folders = [entry for entry in entries if entry.is_dir()]
    files = [entry for entry in entries if entry.is_file()]
    images = [file for file in files if is_image(file) or is_zip(file)]
    if any(is_dicom(file) for file in files):
        return [folder]
    if len(_study_uids(folder)) == 1:
        return [folder, *images]
    inside = [study for entry in folders for study in _studies(entry)]
    return sorted([*inside, *images]) or [folder]


def _study_uids(folder: Path) -> set[str]:
    """StudyInstanceUIDs below a folder, from the first readable DICOM file of each of its folders."""
    uids: set[str] = set()
    for _, files in groupby(files_under(folder), key=lambda file: file.parent):
        for file in filter(is_dicom, files):
            try:
                uids.add(str(read_header(file)[0].header.get("StudyInstanceUID")))
            except ValueError:
                continue
            break
    return uids


def _stem(name: str) -> str:
    for suffix in SUFFIXES:
        if name.lower().endswith(suffix):
            return name[: -len(suffix)]
    return Path(name).stem


def is_zip(path: Path) -> bool:
    """Whether the file's name says zip."""
    return path.suffix.lower() == ".zip"


def _read_folder(folder: Path, where: str, allow_gaps: bool) -> Study:
    files = list(files_under(folder))
    if any(is_dicom(file) for file in files):
        return read_dicom(files, where, allow_gaps=allow_gaps)
    images = [file for file in files if is_image(file) or is_zip(file)]
    if len(images) == 1:
        return read_study(images[0], allow_gaps=allow_gaps)
    if images:
        raise BadInputError(f"{where}: {len(images)} images, each a study of its own; give one of them")
    raise BadInputError(f"{where}: {_EMPTY} in this folder" if files else f"{where}: this folder is empty")


def _read_image(path: Path) -> Study:
    volume, warnings = read_image(path)
    require_hu(volume.array, path.name)
    if min(volume.grid.shape) < 3:
        raise BadInputError(f"{path.name}: {min(volume.grid.shape)} slice(s): a volume is needed")
    volume, told = unsheared(volume, path.name)
    if float(volume.array.min()) < AIR_HU:
        volume = volume.with_array(np.maximum(volume.array, AIR_HU), volume.quantity)
    facts = {"modality": "CT, taken from its intensities", "contrast_agent": "unknown"} | grid_facts(volume.grid)
    source = Source(native=volume.grid, facts=MappingProxyType(facts), warnings=(*warnings, *told))
    return Study(_hash(volume), closest_lps(volume), source)


def _hash(volume: Volume) -> str:
    digest = hashlib.sha256(volume.grid.affine.tobytes())
    for plane in volume.array.T:
        digest.update(plane.tobytes())
    return digest.hexdigest()[:16]

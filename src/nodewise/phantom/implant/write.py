"""Copies of real scans with implants on disk: each of them whole or absent, and kept when made again."""

from __future__ import annotations

import hashlib
from functools import lru_cache, partial
from importlib.metadata import version
from pathlib import Path

import numpy as np

from nodewise.image.resample import resample
from nodewise.io.dicom_files import files_under
from nodewise.io.dicom_write import write_ct_series
from nodewise.io.folder import find_studies, read_study
from nodewise.io.itk import write_nifti
from nodewise.io.mask import read_mask
from nodewise.io.truthfile import write_truth
from nodewise.phantom.batch import Progress, Task, check_format, whole_patient, write_patients
from nodewise.phantom.implant.scan import Implanted, PasteMethod, implant
from nodewise.phantom.implant.site import Background, survey
from nodewise.phantom.implant.truth import truth_of
from nodewise.values.errors import BadInputError
from nodewise.values.volume import Quantity

NODES = (6, 19)


def write_implanted(  # noqa: PLR0913 - what a person may choose
    out: Path,
    scan: Path,
    patients: int,
    seed: int,
    *,
    paste: str = "alpha",
    negatives: bool = True,
    fmt: str = "nifti",
    region: Path | None = None,
    processes: int = 1,
    progress: Progress | None = None,
) -> None:
    """Write ``patients`` scans with implants, the first from ``seed``; those already whole are kept.

    ``out/images`` holds ``implant-0007.nii.gz``, or a folder ``implant-0007`` of DICOM slices;
    ``out/truth/implant-0007`` holds ``nodes.nii.gz`` (instances), ``negatives.nii.gz`` (instances of what is no
    node), ``ignore.nii.gz`` (likely real nodes), ``stations.nii.gz`` where they are known, and ``truth.json``.

    Args:
        out: folder, made where it is missing.
        scan: a CT, or a folder of several; number n goes into the n-th of them, counted round and round.
        patients: how many.
        seed: of the first; each next one is one more.
        paste: ``alpha``, to train with, or ``poisson``, kept for testing.
        negatives: controls too: vessels, pseudo-oesophagi, thymus-like triangles, slips of muscle.
        fmt: ``nifti`` or ``dicom``.
        region: mask file of where nodes may go; for one scan only.
        processes: how many patients at a time; the files are the same whatever their number.
        progress: told (done, total).

    Raises:
        BadInputError: another format or method, not a CT, too little fat to implant into, or ``out`` holds one of these
            patients made otherwise.
    """
    check_format(fmt)
    if paste not in [method.value for method in PasteMethod]:
        raise BadInputError(f"no way to paste is called {paste}: choose alpha or poisson")
    studies = find_studies(scan)
    if region is not None and len(studies) > 1:
        raise BadInputError(f"a region belongs to one scan, and {scan} holds {len(studies)}: give one of them")
    made = {
        "paste": paste,
        "controls": "yes" if negatives else "no",
        "within": "mediastinum" if region is None else f"mask {_digest(region)}",
        "format": fmt,
        "nodewise": version("nodewise"),
    }
    tasks = []
    for turn, (name, path) in enumerate(studies):  # scan by scan, so that each is surveyed once a process
        numbers = [n for n in range(seed, seed + patients) if n % len(studies) == turn]
        words = made | {"scan": _digest(path)} if numbers else made
        into = partial(_write, out, name, path, region, words)
        tasks += [Task(_implant_name(n), words, partial(into, n)) for n in numbers]
    try:
        write_patients(out, tasks, processes=processes, progress=progress)
    finally:
        _surveyed.cache_clear()


def _implant_name(number: int) -> str:
    return f"implant-{number:04d}"


def _digest(path: Path) -> str:
    """A hash of what is in a file or in the files of a folder; it names nobody."""
    files = [path] if path.is_file() else files_under(path)
    total = hashlib.sha256()
    try:
        for file in files:
            with file.open("rb") as stream:
                total.update(hashlib.file_digest(stream, "sha256").digest())
    except OSError as error:
        raise BadInputError(f"{path}: cannot be read ({error.strerror})") from error
    return total.hexdigest()[:16]


@lru_cache(maxsize=1)
def _surveyed(name: str, path: Path, region: Path | None) -> Background:
    study = read_study(path)
    mask = None if region is None else read_mask(region)
    try:
        return survey(study, mask)
    except BadInputError as error:
        raise BadInputError(f"{name}: {error}") from error


def _write(out: Path, name: str, path: Path, region: Path | None, words: dict[str, str], number: int) -> None:
    """Implant into one copy of a scan, and write it."""
    background = _surveyed(name, path, region)
    rng = np.random.default_rng([20266, number])
    count, way = int(rng.integers(*NODES)), PasteMethod(words["paste"])
    negatives = words["controls"] == "yes"
    made = implant(background.study, rng, count=count, paste=way, negatives=negatives, background=background)
    with whole_patient(out, _implant_name(number)) as (truth, scans):
        _write_scan(scans / "images", number, made, words["format"])
        _write_truth(truth, number, made, words)


def _write_scan(images: Path, number: int, made: Implanted, fmt: str) -> None:
    name = _implant_name(number)
    images.mkdir()
    ct = made.ct.with_array(np.rint(made.ct.array), Quantity.HU)
    if fmt == "dicom":
        enhanced = made.background.look.enhanced
        write_ct_series(ct, images / name, identity=name, patient_name=f"Implant^{number:04d}", contrast=enhanced)
    else:
        write_nifti(ct, images / f"{name}.nii.gz")


def _write_truth(truth: Path, number: int, made: Implanted, words: dict[str, str]) -> None:
    for name, volume in (("nodes", made.labels), ("negatives", made.controls), ("ignore", made.ignore)):
        write_nifti(volume, truth / f"{name}.nii.gz")
    stations = made.background.stations
    whole = None if stations is None else resample(stations, made.ct.grid)
    if whole is not None:
        write_nifti(whole, truth / "stations.nii.gz")
    record = truth_of(number, made, whole, words["paste"])
    write_truth(record.model_copy(update={"made": record.made | words}), truth / "truth.json")

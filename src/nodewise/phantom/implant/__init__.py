"""Lymph nodes with truth implanted into real scans, and controls that are none; two independent ways to paste.

    survey the scan once → draw a node or a control → find it a place → paste it → label it

A scan's own nodes stay as they are and have no label: what may be one of them is in ``ignore``. Noise, sharpness and
densities are the scan's; fat gives way, vessels, airways, muscle and lung never do.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from nodewise.image.resample import resample
from nodewise.io.dicom_write import write_ct_series
from nodewise.io.folder import find_studies, read_study
from nodewise.io.itk import write_nifti
from nodewise.io.mask import read_mask
from nodewise.io.truthfile import write_truth
from nodewise.phantom.implant.scan import Implanted, PasteMethod, implant, implant_patch
from nodewise.phantom.implant.site import Background, survey
from nodewise.phantom.implant.truth import truth_of
from nodewise.values.errors import BadInputError
from nodewise.values.volume import Quantity

__all__ = ["Background", "Implanted", "PasteMethod", "implant", "implant_patch", "survey", "write_implanted"]

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
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write ``patients`` scans with implants, the first from ``seed``.

    ``out/images`` holds ``implant-0007.nii.gz``, or a folder ``implant-0007`` of DICOM slices;
    ``out/truth/implant-0007`` holds ``nodes.nii.gz`` (instances), ``negatives.nii.gz`` (instances of what is no
    node), ``ignore.nii.gz`` (likely real nodes), ``stations.nii.gz`` where they are known, and ``truth.json``.

    Args:
        out: folder, made where it is missing.
        scan: a CT, or a folder of several, which are taken in turn.
        patients: how many.
        seed: of the first; each next one is one more.
        paste: ``alpha``, to train with, or ``poisson``, kept for testing.
        negatives: controls too: vessels, pseudo-oesophagi, thymus-like triangles, slips of muscle.
        fmt: ``nifti`` or ``dicom``.
        region: mask file of where nodes may go; for one scan only.
        progress: told (done, total).

    Raises:
        BadInputError: another format or method, not a CT, or too little fat to implant into.
    """
    if fmt not in ("nifti", "dicom"):
        raise BadInputError(f"no phantoms in format {fmt}: choose nifti or dicom")
    if paste not in [method.value for method in PasteMethod]:
        raise BadInputError(f"no way to paste is called {paste}: choose alpha or poisson")
    studies = find_studies(scan)
    if region is not None and len(studies) > 1:
        raise BadInputError(f"a region belongs to one scan, and {scan} holds {len(studies)}: give one of them")
    done = 0
    for turn, (name, path) in enumerate(studies[:patients]):
        background = _surveyed(name, path, region)
        for number in range(seed + turn, seed + patients, len(studies)):
            rng = np.random.default_rng([20266, number])
            count, way = int(rng.integers(*NODES)), PasteMethod(paste)
            made = implant(background.study, rng, count=count, paste=way, negatives=negatives, background=background)
            _write(out, number, made, paste, fmt)
            done += 1
            if progress is not None:
                progress(done, patients)


def _surveyed(name: str, path: Path, region: Path | None) -> Background:
    study = read_study(path)
    mask = None if region is None else read_mask(region)
    try:
        return survey(study, mask)
    except BadInputError as error:
        raise BadInputError(f"{name}: {error}") from error


def _write(out: Path, number: int, made: Implanted, paste: str, fmt: str) -> None:
    name = f"implant-{number:04d}"
    images, truth = out / "images", out / "truth" / name
    images.mkdir(parents=True, exist_ok=True)
    truth.mkdir(parents=True, exist_ok=True)
    ct = made.ct.with_array(np.rint(made.ct.array), Quantity.HU)
    if fmt == "dicom":
        enhanced = made.background.look.enhanced
        write_ct_series(ct, images / name, identity=name, patient_name=f"Implant^{number:04d}", contrast=enhanced)
    else:
        write_nifti(ct, images / f"{name}.nii.gz")
    write_nifti(made.labels, truth / "nodes.nii.gz")
    write_nifti(made.controls, truth / "negatives.nii.gz")
    write_nifti(made.ignore, truth / "ignore.nii.gz")
    stations = made.background.stations
    whole = None if stations is None else resample(stations, ct.grid)
    if whole is not None:
        write_nifti(whole, truth / "stations.nii.gz")
    write_truth(truth_of(number, made, whole, paste), truth / "truth.json")

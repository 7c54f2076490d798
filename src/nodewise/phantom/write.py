"""One drawn patient on disk: the scan in one folder, its truth in another; whole or absent."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from nodewise.io.dicom_write import write_ct_series
from nodewise.io.itk import write_nifti
from nodewise.io.pet_write import write_pet_series
from nodewise.io.truthfile import write_truth
from nodewise.phantom.annotated import annotation_of, write_annotation
from nodewise.phantom.batch import check_format, whole_patient
from nodewise.phantom.patient import Phantom
from nodewise.phantom.scan.stored import stored
from nodewise.phantom.truth import truth_of
from nodewise.values.volume import Quantity, Volume


def patient_name(seed: int) -> str:
    """Name of a patient's files: ``phantom-0007``."""
    return f"phantom-{seed:04d}"


def write_patient(
    out: Path,
    seed: int,
    phantom: Phantom,
    fmt: str,
    made: Mapping[str, str] | None = None,
    annotation: str = "full",
) -> None:
    """Write one patient under its name, replacing what is there of it.

    ``out/images`` gets ``phantom-0007.nii.gz`` and ``out/pet`` the same name where there is a PET (SUVbw); or, as
    DICOM, a folder ``out/images/phantom-0007`` with the CT's slices, and the PET's (Bq/ml) in ``pet`` below it.
    ``out/truth/phantom-0007`` gets ``nodes.nii.gz`` (instances), ``stations.nii.gz``, ``organs.nii.gz``,
    ``tumour.nii.gz`` where there is a tumour, and ``truth.json``; ``out/annotation/phantom-0007`` what a data set would
    say of it, where ``annotation`` (of ``annotated.STYLES``) is not ``full``. All is written aside and moved to its
    place, the truth last: a patient with a truth is whole.

    Raises:
        BadInputError: another format.
    """
    check_format(fmt)
    with whole_patient(out, patient_name(seed)) as (folder, scans):
        labels = _labels(phantom)
        annotated = annotation_of(seed, phantom, labels, annotation)
        if annotated is not None:
            write_annotation(annotated, phantom.storage, scans / "annotation" / patient_name(seed))
        write_truth(truth_of(seed, phantom, made, annotated), folder / "truth.json")
        _write_maps(folder, phantom, labels)
        _write_scans(scans, seed, phantom, fmt)


def _write_scans(work: Path, seed: int, phantom: Phantom, fmt: str) -> None:
    name, study = patient_name(seed), phantom.study
    if fmt == "nifti":
        for kind, volume in (("images", stored(study.ct, phantom.storage)), ("pet", study.pet)):
            if volume is not None:
                (work / kind).mkdir(parents=True)
                write_nifti(volume, work / kind / f"{name}.nii.gz")
        return
    folder, called, part = work / "images" / name, f"Phantom^{seed:04d}", phantom.region.value.upper()
    write_ct_series(
        stored(study.ct, phantom.storage),
        folder,
        identity=name,
        patient_name=called,
        body_part=part,
        kernel=phantom.protocol.kernel,
        contrast=phantom.contrast,
        slice_mm=phantom.protocol.slice_mm,
    )
    if phantom.pet is not None:
        pet = phantom.pet
        write_pet_series(pet.volume, folder / "pet", pet.injection, identity=name, patient_name=called, body_part=part)


def _labels(phantom: Phantom) -> Volume:
    """Every node's number where it lies."""
    grid = phantom.study.ct.grid
    labels = np.zeros(grid.shape, np.uint16, order="F")
    for node in phantom.nodes:
        labels[node.box.slices][node.mask] = node.id
    return Volume(labels, grid, Quantity.LABEL)


def _write_maps(folder: Path, phantom: Phantom, labels: Volume) -> None:
    maps = {"nodes": labels, "stations": phantom.place_map, "organs": phantom.organs, "tumour": phantom.study.tumor}
    for name, volume in maps.items():
        if volume is not None:
            write_nifti(stored(volume, phantom.storage), folder / f"{name}.nii.gz")

"""Tiny scans and labels in the formats and places in which public data sets have them; tests get them as ``trees``."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import highdicom
import numpy as np
import pydicom
import pytest
import SimpleITK
from pydicom.sr.codedict import codes
from pydicom.uid import generate_uid

from nodewise.io.dicom_write import write_ct_series
from nodewise.io.itk import write_nifti
from nodewise.values.grid import Grid
from nodewise.values.volume import Quantity, Volume

GRID = Grid.of((14, 12, 8), (1.0, 1.0, 2.0), (-30.0, -20.0, 100.0))
NODE = (slice(4, 7), slice(4, 7), slice(2, 4))
OTHER = (slice(8, 11), slice(5, 8), slice(4, 6))


def hu(seed: int = 0) -> np.ndarray:
    """Air around soft tissue with a little noise, so that no two are alike."""
    array = np.full(GRID.shape, -1000, np.float32, order="F")
    inside = np.random.default_rng(seed).integers(20, 60, (10, 8, 6))
    array[2:-2, 2:-2, 1:-1] = inside
    return array


def drawn(values: tuple[int, int] = (1, 0), grid: Grid = GRID) -> np.ndarray:
    """A label map with a node of each value, 18 voxels each."""
    array = np.zeros(grid.shape, np.uint8, order="F")
    array[NODE], array[OTHER] = values
    return array


def nifti(path: Path, array: np.ndarray, grid: Grid = GRID) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    kind = Quantity.LABEL if array.dtype.kind in "iu" else Quantity.HU
    write_nifti(Volume(array, grid, kind), path)
    return path


def nrrd(path: Path, array: np.ndarray, grid: Grid = GRID) -> Path:
    """By SimpleITK, as the challenge's files were."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = SimpleITK.GetImageFromArray(np.ascontiguousarray(array.T))
    image.SetSpacing(grid.spacing)
    image.SetOrigin(grid.origin)
    image.SetDirection(grid.direction.ravel().tolist())
    SimpleITK.WriteImage(image, path)
    return path


def dicom(folder: Path, array: np.ndarray, patient: str) -> Path:
    volume = Volume(array, GRID, Quantity.HU)
    write_ct_series(volume, folder, identity=patient, patient_name="Family^Given", body_part="CHEST", kernel="B30")
    return folder


def seg(path: Path, scan: Path, array: np.ndarray) -> Path:
    """One segment on the slices of a CT series, as the archive has them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    slices = [pydicom.dcmread(file) for file in sorted(scan.iterdir())]
    segment = highdicom.seg.SegmentDescription(
        1, "nodes", codes.SCT.AnatomicalStructure, codes.SCT.LymphNode, highdicom.seg.SegmentAlgorithmTypeValues.MANUAL
    )
    made = highdicom.seg.Segmentation(
        source_images=slices,
        pixel_array=np.moveaxis(array, (0, 1, 2), (2, 1, 0)),
        segmentation_type=highdicom.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=[segment],
        series_instance_uid=generate_uid(),
        series_number=2,
        sop_instance_uid=generate_uid(),
        instance_number=1,
        manufacturer="x",
        manufacturer_model_name="x",
        software_versions="x",
        device_serial_number="x",
    )
    made.save_as(path)
    return path


def lnq_tree(root: Path) -> Path:
    for name in ("train/lnq2023-train-0001", "val/lnq2023-val-0002"):
        nrrd(root / f"{name}-ct.nrrd", hu(len(name)))
        nrrd(root / f"{name}-seg.nrrd", drawn())
    nrrd(root / "train/lnq2023-train-0003-ct.nrrd", hu(3))
    nrrd(root / "test/lnq2023-test-0004-ct.nrrd", hu(4))
    return root


def nih_tree(root: Path) -> Path:
    scans, masks = root / "manifest-1" / "CT Lymph Nodes", root / "MED_ABD_LYMPH_MASKS"
    for number in (1, 2, 4, 5, 6, 43):
        name = f"MED_LYMPH_{number:03d}"
        dicom(scans / name / "09-14-2014-study" / "abdominallymphnodes-1", hu(number), name)
    first = scans / "MED_LYMPH_001" / "09-14-2014-study"
    seg(first / "Segmentation-2" / "1-1.dcm", first / "abdominallymphnodes-1", drawn())
    elsewhere = Grid.of(GRID.shape, GRID.spacing)
    nifti(masks / "MED_LYMPH_002" / "MED_LYMPH_002_mask.nii.gz", drawn((1, 2)), elsewhere)
    nifti(masks / "MED_LYMPH_043" / "MED_LYMPH_043_mask.nii.gz", drawn(), elsewhere)
    for number in (5, 6):
        nifti(root / "NIH" / f"Pat{number}" / f"pat{number}_labels_LymphNodes.nii.gz", drawn((1, 2)))
    (root / "NIH" / "stations_nih.csv").write_text(
        "Patient;Label;Station 1;Station 2\nPat5;2;7R;4R\n", encoding="utf-8"
    )
    return root


def lynos_tree(root: Path) -> Path:
    for number in (1, 12):
        place = root / "Benchmark" / f"Pat{number}"
        nifti(place / f"pat{number}_data.nii.gz", hu(number))
        nifti(place / f"pat{number}_labels_LymphNodes.nii.gz", drawn((1, 2)))
        azygos, oesophagus = drawn((1, 0)), drawn((0, 1))
        nifti(place / f"pat{number}_labels_Azygos.nii.gz", azygos)
        nifti(place / f"pat{number}_labels_Esophagus.nii.gz", oesophagus)
    nifti(root / "Benchmark" / "Pat3" / "pat3_data.nii.gz", hu(3))
    rows = "Patient,Label,Primary,Secondary,Tertiary\n1,1,4R,2R,\n1,2,3P,,\n12,1,9,,\n"
    (root / "Benchmark" / "stations_sto.csv").write_text(rows, encoding="utf-8")
    return root


def total_tree(root: Path) -> Path:
    for name in ("s0000", "s0011"):
        nifti(root / name / "ct.nii.gz", hu(int(name[1:])))
        nifti(root / name / "segmentations" / "aorta.nii.gz", drawn((1, 0)))
        nifti(root / name / "segmentations" / "heart.nii.gz", drawn((0, 1)))
    nifti(root / "s0012" / "ct.nii.gz", hu(12))
    (root / "meta.csv").write_text("image_id;age;gender;institute;study_type;split\n", encoding="utf-8-sig")
    return root


def listed_tree(root: Path, **more: object) -> Path:
    for name in ("a", "b"):
        nifti(root / "imagesTr" / f"{name}.nii.gz", hu(ord(name)))
        nifti(root / "labelsTr" / f"{name}.nii.gz", drawn((2, 1)))
    entries = [{"image": f"./imagesTr/{name}.nii.gz", "label": f"./labelsTr/{name}.nii.gz"} for name in "abc"]
    entries[1] |= {"patient": "p", "annotation": "partial"}
    told = {"name": "Mine", "licence": "CC0", "labels": {"0": "background", "1": "vein", "2": "lymph node"}}
    (root / "dataset.json").write_text(json.dumps(told | {"training": entries} | more), encoding="utf-8")
    return root


@pytest.fixture(scope="session")
def trees() -> SimpleNamespace:
    """Everything above: ``trees.lnq(folder)`` makes the tree of LNQ2023, ``trees.hu()`` a scan, and so on."""
    return SimpleNamespace(
        GRID=GRID,
        NODE=NODE,
        OTHER=OTHER,
        hu=hu,
        drawn=drawn,
        nifti=nifti,
        nrrd=nrrd,
        dicom=dicom,
        seg=seg,
        lnq=lnq_tree,
        nih=nih_tree,
        lynos=lynos_tree,
        total=total_tree,
        listed=listed_tree,
    )

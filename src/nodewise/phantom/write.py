"""A cohort of drawn patients on disk: scans in one folder, their truth in another."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from nodewise.image.shape import measure
from nodewise.io.dicom_write import write_ct_series
from nodewise.io.itk import write_nifti
from nodewise.phantom.patient import Phantom, make_patient
from nodewise.values.errors import BadInputError
from nodewise.values.node import Node
from nodewise.values.station import Station
from nodewise.values.volume import Quantity, Volume

SCHEMA_VERSION = "1.0"


def write_cohort(
    out: Path,
    patients: int,
    seed: int,
    fmt: str = "nifti",
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write ``patients`` patients, the first from ``seed``.

    ``out/images`` holds ``phantom-0007.nii.gz``, or a folder ``phantom-0007`` of DICOM slices;
    ``out/truth/phantom-0007`` holds ``nodes.nii.gz`` (instances), ``stations.nii.gz`` (``Station.label``) and
    ``truth.json``.

    Args:
        out: folder, made where it is missing.
        patients: how many.
        seed: of the first; each next one is one more.
        fmt: ``nifti`` or ``dicom``.
        progress: told (done, total).

    Raises:
        BadInputError: another format.
    """
    if fmt not in ("nifti", "dicom"):
        raise BadInputError(f"no phantoms in format {fmt}: choose nifti or dicom")
    for done in range(patients):
        write_patient(out, seed + done, make_patient(seed + done), fmt)
        if progress is not None:
            progress(done + 1, patients)


def write_patient(out: Path, seed: int, phantom: Phantom, fmt: str) -> None:
    """Write one patient under its name, ``phantom-`` and the seed."""
    name = f"phantom-{seed:04d}"
    images, truth = out / "images", out / "truth" / name
    images.mkdir(parents=True, exist_ok=True)
    truth.mkdir(parents=True, exist_ok=True)
    ct = phantom.study.ct
    if fmt == "dicom":
        write_ct_series(ct, images / name, identity=name, patient_name=f"Phantom^{seed:04d}", contrast=phantom.contrast)
    else:
        write_nifti(ct, images / f"{name}.nii.gz")
    labels = np.zeros(ct.grid.shape, np.uint16, order="F")
    for node in phantom.nodes:
        labels[node.box.slices][node.mask] = node.id
    write_nifti(Volume(labels, ct.grid, Quantity.LABEL), truth / "nodes.nii.gz")
    write_nifti(phantom.station_map, truth / "stations.nii.gz")
    (truth / "truth.json").write_text(json.dumps(truth_of(seed, phantom), indent=2) + "\n", encoding="utf-8")


def truth_of(seed: int, phantom: Phantom) -> dict[str, Any]:
    """What is true of a patient, as written to ``truth.json``; lengths in mm, places in LPS mm."""
    return {
        "schema_version": SCHEMA_VERSION,
        "seed": seed,
        "primary_side": phantom.primary_side.value,
        "contrast": phantom.contrast,
        "n_category_8": phantom.n_category_8,
        "n_category_9": phantom.n_category_9,
        "landmarks_lps_mm": {name: _rounded(point) for name, point in phantom.landmarks.items()},
        "nodes": [_node(phantom, n, s) for n, s in zip(phantom.nodes, phantom.stations, strict=True)],
    }


def _node(phantom: Phantom, node: Node, station: Station) -> dict[str, Any]:
    grid = phantom.study.ct.grid.crop(node.box)
    size = measure(node.mask, grid)
    centre = grid.to_lps(np.argwhere(node.mask).mean(axis=0))
    status = node.status.value if node.status else None
    return {
        "id": node.id,
        "station": station.code,
        "status": status,
        "centroid_lps_mm": _rounded(tuple(centre.tolist())),
        "short_axis_mm": round(size.short_axis_mm, 2),
        "long_axis_mm": round(size.long_axis_mm, 2),
        "short_axis_ellipsoid_mm": round(size.short_axis_ellipsoid_mm, 2),
        "volume_mm3": round(size.volume_mm3, 1),
    }


def _rounded(point: tuple[float, ...]) -> list[float]:
    return [round(c, 2) for c in point]

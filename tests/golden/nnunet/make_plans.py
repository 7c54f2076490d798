"""Writes plans.json here: what nnU-Net's own planners make of drawn fingerprints. Its environment is that of make.py.

python tests/golden/nnunet/make_plans.py
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK

HERE = Path(__file__).parent
# name: spacings (z, y, x) of a typical image, its shape, spread of both, channels, labels
KINDS: dict[str, tuple[tuple[float, float, float], tuple[int, int, int], float, int, int]] = {
    "chest": ((1.0, 0.75, 0.75), (250, 270, 340), 0.15, 1, 2),
    "chest-with-priors": ((1.5, 0.8, 0.8), (180, 270, 340), 0.1, 3, 2),
    "even": ((1.0, 1.0, 1.0), (128, 128, 128), 0.05, 1, 3),
    "thick": ((5.0, 0.7, 0.7), (40, 400, 400), 0.2, 1, 2),
    "very-thick": ((10.0, 1.4, 1.4), (10, 220, 220), 0.1, 2, 4),
    "tall": ((0.8, 0.8, 0.8), (600, 200, 200), 0.1, 1, 2),
    "small": ((2.0, 2.0, 2.0), (40, 50, 60), 0.1, 1, 2),
    "sagittal": ((0.9, 0.9, 4.0), (300, 300, 30), 0.1, 1, 2),
}
CASES = 12


def fingerprint(kind: str) -> dict[str, Any]:
    """Spacings and shapes of ``CASES`` images."""
    spacing, shape, spread, _, _ = KINDS[kind]
    rng = np.random.default_rng(len(kind))
    spacings = np.asarray(spacing) * np.exp(rng.normal(0, spread, (CASES, 3)))
    shapes = np.rint(np.asarray(shape) * np.exp(rng.normal(0, spread, (CASES, 3)))).astype(int)
    return {"spacings": spacings.round(4).tolist(), "shapes_after_crop": shapes.tolist()}


def planned(kind: str, number: int, work: Path) -> dict[str, Any]:
    """The fingerprint, and what each planner makes of it at full resolution; files in ``work``."""
    from nnunetv2.experiment_planning.experiment_planners.default_experiment_planner import ExperimentPlanner
    from nnunetv2.experiment_planning.experiment_planners.resencUNet_planner import ResEncUNetPlanner

    *_, channels, labels = KINDS[kind]
    dataset, known = f"Dataset{number:03d}_{kind.replace('-', '')}", fingerprint(kind)
    for part in ("imagesTr", "labelsTr"):
        (work / "raw" / dataset / part).mkdir(parents=True)
    (work / "preprocessed" / dataset).mkdir()
    image = SimpleITK.GetImageFromArray(np.zeros((4, 4, 4), np.int16))
    for n in range(CASES):
        for c in range(channels):
            SimpleITK.WriteImage(image, str(work / "raw" / dataset / "imagesTr" / f"case{n:02d}_{c:04d}.nii.gz"))
        SimpleITK.WriteImage(image, str(work / "raw" / dataset / "labelsTr" / f"case{n:02d}.nii.gz"))
    about = {
        "channel_names": {str(c): "CT" if c == 0 else "noNorm" for c in range(channels)},
        "labels": {"background": 0} | {f"label{n}": n for n in range(1, labels)},
        "numTraining": CASES,
        "file_ending": ".nii.gz",
    }
    (work / "raw" / dataset / "dataset.json").write_text(json.dumps(about))
    more = {"foreground_intensity_properties_per_channel": {}, "median_relative_size_after_cropping": 1.0}
    (work / "preprocessed" / dataset / "dataset_fingerprint.json").write_text(json.dumps(known | more))
    made: dict[str, Any] = {"fingerprint": known, "in_channels": channels, "outputs": labels}
    for name, planner in (("plain", ExperimentPlanner), ("residual", ResEncUNetPlanner)):
        plans = planner(dataset).plan_experiment()
        full = plans["configurations"]["3d_fullres"]
        network = full["architecture"]["arch_kwargs"]
        made[name] = {
            "transpose": plans["transpose_forward"],
            "spacing": [float(s) for s in full["spacing"]],
            "median_shape": [float(n) for n in full["median_image_size_in_voxels"]],
            "patch": [int(n) for n in full["patch_size"]],
            "batch": int(full["batch_size"]),
            "channels": [int(n) for n in network["features_per_stage"]],
            "blocks": [int(n) for n in network.get("n_blocks_per_stage") or network["n_conv_per_stage"]],
            "kernels": network["kernel_sizes"],
            "strides": network["strides"],
        }
    return made


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        for place in ("raw", "preprocessed", "results"):
            os.environ[f"nnUNet_{place}"] = str(Path(folder) / place)
            (Path(folder) / place).mkdir()
        all_plans = {kind: planned(kind, number, Path(folder)) for number, kind in enumerate(KINDS, 1)}
    (HERE / "plans.json").write_text(json.dumps(all_plans, indent=1) + "\n")

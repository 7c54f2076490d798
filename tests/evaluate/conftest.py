"""Small patients on disk: boxes 4 × 4 voxels thick along x, as masks, maps, truth folders and assessments."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from nodewise.io.itk import write_nifti
from nodewise.io.truthfile import AxesEndpoints, TrueNode, TruthRecord, write_truth
from nodewise.values.grid import Grid
from nodewise.values.station import Station
from nodewise.values.volume import Quantity, Volume

GRID = Grid.of((40, 12, 12), (1.0, 1.0, 1.0))
ENDS = {"long": ((0, 0, 0), (1, 0, 0)), "short": ((0, 0, 0), (0, 1, 0))}
SIZE = {
    "centroid_lps_mm": (0, 0, 0), "long_axis_mm": 1, "short_axis_max_slice_mm": 1, "short_axis_ellipsoid_mm": 1,
    "axes_endpoints_lps_mm": ENDS, "volume_mm3": 1, "equivalent_radius_mm": 1, "mean_hu": 40,
}  # fmt: skip


class Drawn:
    """Writes what a test needs; ``boxes`` are {value: (start, length)} along x."""

    grid = GRID

    def array(self, boxes, dtype):
        array = np.zeros(GRID.shape, dtype, order="F")
        for value, (start, length) in boxes.items():
            array[start : start + length, 2:6, 2:6] = value
        return array

    def labels(self, path: Path, boxes) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_nifti(Volume(self.array(boxes, np.uint8), GRID, Quantity.LABEL), path)
        return path

    def mask(self, path: Path, *spans) -> Path:
        array = np.zeros(GRID.shape, np.uint8, order="F")
        for start, length in spans:
            array[start : start + length, 2:6, 2:6] = 1
        path.parent.mkdir(parents=True, exist_ok=True)
        write_nifti(Volume(array, GRID, Quantity.LABEL), path)
        return path

    def map(self, path: Path, boxes, quantity=Quantity.PROBABILITY) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_nifti(Volume(self.array(boxes, np.float32), GRID, quantity), path)
        return path

    def truth(self, folder: Path, boxes, nodes, **patient) -> Path:
        """``nodes`` are (id, short axis, station, status)."""
        self.labels(folder / "nodes.nii.gz", boxes)
        known = {"n_category_8": "N2", "n_category_9": "N2a", "primary_side": "left"} | patient
        listed = [
            TrueNode(
                id=i, station=station, status=status, short_axis_mm=mm, **(SIZE | {"axes_endpoints_lps_mm": _ends()})
            )
            for i, mm, station, status in nodes
        ]
        write_truth(
            TruthRecord(region="chest", seed=0, phase="venous", contrast=True, nodes=listed, **known),
            folder / "truth.json",
        )
        return folder

    def assessment(self, folder: Path, boxes, nodes, stage=None, stations=None) -> Path:
        """``nodes`` are (id, short axis, station, second, malignancy, score); ``stations`` are boxes of the map."""
        self.labels(folder / "nodes.nii.gz", boxes)
        if stations is not None:
            numbered = {Station(code).label: span for code, span in stations.items()}
            self.labels(folder / "stations.nii.gz", numbered)
        listed = [
            SIZE
            | {
                "id": i, "short_axis_mm": mm, "station": station, "station_second": second, "malignancy": p,
                "score": score, "station_confidence": 0.5, "station_method": "drawn", "malignancy_method": "drawn",
            }
            for i, mm, station, second, p, score in nodes
        ]  # fmt: skip
        made = {"model": "", "trained_on": "", "weights_sha256": "", "versions": {}, "seconds": {"a": 1.5, "b": 2}}
        record = {
            "schema_version": "1.0",
            "study": {"id": "x", "facts": {}, "left_out": []},
            "nodes": listed,
            "stage": stage or self.stage("N2a", "left"),
            "landmarks": {},
            "warnings": [],
            "provenance": made | {"peak_memory_mb": None, "command": "", "device": "cpu", "settings": {}},
            "research_use_only": True,
        }
        (folder / "assessment.json").write_text(json.dumps(record))
        return folder

    @staticmethod
    def stage(category, side, **more):
        base = {"edition": 9, "at_least": False, "reason": "", "probability": {}, "driving_nodes": [], "rule": ""}
        none = {"if_left": None, "if_right": None}
        return base | none | {"threshold": 0.5, "category": category, "primary_side": side} | more


def _ends() -> AxesEndpoints:
    return AxesEndpoints(**ENDS)


@pytest.fixture(scope="session")
def drawn() -> Drawn:
    return Drawn()


@pytest.fixture(scope="session")
def two_cases(tmp_path_factory, drawn):
    """Case a: a node found whole, one found by half, one missed, one false positive. Case b: none, and one false."""
    folder = tmp_path_factory.mktemp("two")
    truth, maps = folder / "truth", folder / "maps"
    drawn.labels(truth / "a.nii.gz", {1: (0, 6), 2: (10, 4), 3: (20, 2)})
    drawn.map(maps / "a.nii.gz", {0.9: (0, 6), 0.8: (12, 4), 0.85: (30, 3)})
    drawn.labels(truth / "b.nii.gz", {})
    drawn.map(maps / "b.nii.gz", {0.6: (0, 2)})
    return truth, maps

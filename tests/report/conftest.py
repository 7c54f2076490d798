"""A small made-up chest with four ellipsoid nodes, on a 3 mm grid that runs to left, back and head."""

from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest

from nodewise.values.anatomy import Anatomy, Landmark, LandmarkStatus, Region, StationCall
from nodewise.values.assessment import Assessment, Provenance, Stage
from nodewise.values.box import Box
from nodewise.values.grid import Grid
from nodewise.values.node import Finding, Malignancy, Node, Size
from nodewise.values.station import Side, Station
from nodewise.values.study import Source, Study
from nodewise.values.volume import Quantity, Volume

GRID = Grid.of((80, 56, 50), (3.0, 3.0, 3.0), (-118.5, -82.5, -73.5))
# id: centre, half axes along x, y, z, station, probability
ELLIPSOIDS = {
    1: ((-24.0, 0.0, 6.0), (6.0, 9.0, 7.5), Station.S4R, 0.82),
    2: ((27.0, -6.0, 9.0), (6.0, 6.0, 6.0), Station.S4L, 0.35),
    3: ((1.5, 9.0, -18.0), (9.0, 12.0, 9.0), Station.S7, 0.97),
    7: ((48.0, 3.0, -24.0), (4.5, 4.5, 4.5), Station.UNKNOWN, 0.05),
}
HOSTILE = "<script>alert('x')</script>\"' onload=evil()"


def chest() -> np.ndarray:
    x, y, z = np.moveaxis(GRID.to_lps(np.moveaxis(np.indices(GRID.shape), 0, -1)), -1, 0)
    hu = np.full(GRID.shape, -1000.0, dtype=np.float32, order="F")
    hu[(x / 110) ** 2 + (y / 75) ** 2 < 1] = 30
    hu[(((np.abs(x) - 60) / 35) ** 2 + (y / 55) ** 2 + (z / 65) ** 2 < 1)] = -850
    hu[(x**2 + y**2 < 81) & (z > 0)] = -990
    hu[(x**2 + (y - 50) ** 2) < 225] = 400
    for (cx, cy, cz), (rx, ry, rz), _, _ in ELLIPSOIDS.values():
        hu[((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 + ((z - cz) / rz) ** 2 < 1] = 60
    return hu


def finding(identity: int) -> Finding:
    centre, half, station, probability = ELLIPSOIDS[identity]
    points = GRID.to_lps(np.moveaxis(np.indices(GRID.shape), 0, -1))
    whole = (((points - centre) / half) ** 2).sum(axis=-1) <= 1
    box = Box.around(whole)
    (cx, cy, cz), (rx, ry, rz) = centre, half
    across, along = ((cx - rx, cy, cz), (cx + rx, cy, cz)), ((cx, cy - ry, cz), (cx, cy + ry, cz))
    size = Size(2 * rx, 2 * ry, along, across, 2 * rx, 2 * rx, 4.19 * rx * ry * rz, (rx * ry * rz) ** (1 / 3))
    call = StationCall(station, 0.8, "rules around the carina, approximate", Station.S10R if identity == 1 else None)
    return Finding(
        node=Node(identity, box, whole[box.slices], 0.9),
        centroid_lps_mm=centre,
        mean_hu=60.25,
        size=size,
        station=call,
        malignancy=Malignancy(probability, "logistic of the short axis"),
        uptake=4.5 if identity == 3 else None,
    )


@pytest.fixture(scope="session")
def sided() -> Assessment:
    """A primary on the right, stage N2b."""
    native = Grid(GRID.shape, GRID.affine)
    facts = MappingProxyType({"modality": "CT", "kernel": HOSTILE, "kVp": 120})
    source = Source(native, facts, MappingProxyType({}), ("series 1: a localiser",), ())
    study = Study("0f1e2d3c4b5a69788796a5b4c3d2e1f0", Volume(chest(), GRID, Quantity.HU), source)
    landmarks = {
        "carina": Landmark((1.0, 2.0, 0.0), LandmarkStatus.FOUND, 0.9),
        "aortic arch": Landmark(None, LandmarkStatus.NOT_FOUND, 0.0),
    }
    coarse = Grid.of((40, 28, 25), (6.0, 6.0, 6.0), (-117.0, -81.0, -72.0))
    stations = np.zeros(coarse.shape, dtype=np.uint8)
    stations[:20] = Station.S4R.label
    stations[20:] = Station.S4L.label
    region = Region((-60, -50, -60), (60, 50, 60))
    anatomy = Anatomy(landmarks, region, "classical", stations=Volume(stations, coarse, Quantity.LABEL))
    stage = Stage(
        edition=9,
        category="N2b",
        primary_side=Side.RIGHT,
        at_least=False,
        reason="",
        probability=MappingProxyType({"N0": 0.0054, "N1": 0.02, "N2a": 0.17, "N2b": 0.45, "N3": 0.3546}),
        driving_nodes=(1, 3),
        rule="Metastasis in several ipsilateral mediastinal stations.",
        threshold=0.5,
    )
    provenance = Provenance(
        model="made-up",
        trained_on="Trained on phantoms only.",
        weights_sha256="ab" * 32,
        versions=MappingProxyType({"nodewise": "0.1.0"}),
        seconds=MappingProxyType({"reading": 1.25, "anatomy": 2.5}),
        peak_memory_mb=812.0,
        command="nodewise predict INPUT",
        settings=MappingProxyType({"threshold": 0.5}),
    )
    findings = tuple(finding(identity) for identity in ELLIPSOIDS)
    return Assessment(study, anatomy, findings, stage, provenance, ("a first warning", HOSTILE))


@pytest.fixture(scope="session")
def both_sides(sided: Assessment) -> Assessment:
    """The primary's side is unknown: N3 if left, at least N2b if right."""
    right = replace(sided.stage, at_least=True, reason="the neck is not in the scan")
    left = replace(sided.stage, category="N3", primary_side=Side.LEFT)
    return replace(sided, stage=replace(right, primary_side=None, if_left=left, if_right=right))


@pytest.fixture(scope="session")
def empty(sided: Assessment) -> Assessment:
    """No node, no carina, no stations."""
    anatomy = Anatomy({}, sided.anatomy.mediastinum, "classical")
    stage = replace(sided.stage, category="N0", driving_nodes=(), at_least=True, reason="stations cannot be told")
    return replace(sided, findings=(), anatomy=anatomy, stage=stage, warnings=())

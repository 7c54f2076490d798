"""Frames laid over each other: what is known goes where it belongs, order is kept, sides are kept."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodewise.anatomy.registration.frame import frame_of
from nodewise.anatomy.registration.landmarks import register_frames
from nodewise.values.anatomy import Anatomy, Landmark, LandmarkStatus, Region
from nodewise.values.atlas import Frame
from nodewise.values.grid import Grid
from nodewise.values.volume import Quantity, Volume

PATIENT = Frame(
    (4.0, -10.0, -120.0), {"carina": -120.0, "arch_top": -70.0, "arch_underside": -92.0}, 270.0, 180.0,
    ((4.0, 6.0, -220.0), (4.0, -10.0, -120.0), (2.0, -30.0, -20.0)),
)  # fmt: skip
REFERENCE = Frame(
    (0.0, 0.0, 0.0), {"carina": 0.0, "arch_top": 30.0, "arch_underside": 12.0}, 300.0, 200.0,
    ((0.0, 10.0, -100.0), (0.0, 0.0, 0.0), (3.0, -12.0, 90.0)),
)  # fmt: skip


def test_planes_and_carina_go_where_they_belong():
    warp = register_frames(PATIENT, REFERENCE)
    assert warp.to_reference(PATIENT.carina) == pytest.approx(REFERENCE.carina, abs=1e-3)
    for name, height in PATIENT.planes.items():
        there = warp.to_reference((50.0, 20.0, height))
        assert there[2] == pytest.approx(REFERENCE.planes[name], abs=0.4), name  # levels are kept every 2 mm
    wide = warp.to_reference((104.0, -10.0, -120.0)) - warp.to_reference((-96.0, -10.0, -120.0))
    assert wide == pytest.approx((200.0 * 300 / 270, 0, 0), abs=1e-3)
    top = np.array(PATIENT.middle[2])
    assert warp.to_reference(top)[:2] == pytest.approx((3.0, -12.0), abs=1.0)


points = st.tuples(*[st.floats(-60, 60)] * 3)
heights = st.floats(17.0, 57.0)


@given(points, heights, heights, st.floats(220, 340), st.floats(150, 240))
def test_there_and_back(point, own, other, width, depth):
    """Arch tops 17 to 57 mm above the carina, as people's are."""
    a = Frame((0.0, 0.0, 0.0), {"carina": 0.0, "arch_top": own}, width, depth, PATIENT.middle[1:2])
    b = Frame((5.0, 5.0, 5.0), {"carina": 5.0, "arch_top": 5.0 + other}, 300.0, 200.0, REFERENCE.middle[1:2])
    warp = register_frames(a, b)
    assert warp.to_patient(warp.to_reference(point)) == pytest.approx(point, abs=1.5)
    x, y, z = point
    left = warp.to_reference((x + 5.0, y, z))[0]
    assert left > warp.to_reference(point)[0]
    above = warp.to_reference((x, y, z + 12.0))[2]
    assert above > warp.to_reference(point)[2]
    assert warp.folding == 0.0


def test_planes_that_contradict_each_other_are_not_used():
    crossed = Frame((0.0,) * 3, {"carina": 0.0, "arch_top": 5.0, "arch_underside": -20.0}, None, None, ((0.0,) * 3,))
    warp = register_frames(crossed, REFERENCE)
    z = warp.to_reference([[0.0, 0.0, z] for z in np.arange(-80.0, 80.0)])[:, 2]
    assert (np.diff(z) > 0).all()


def test_a_frame_is_read_off_an_anatomy():
    labels = np.zeros((100, 80, 60), np.uint8)
    labels[5:40, 10:70], labels[60:95, 10:70] = 2, 3
    labels[48:52, 30:34, 30:], labels[49:51, 66:68] = 4, 5
    grid = Grid.of(labels.shape, (3.0, 3.0, 3.0), (-150.0, -120.0, -90.0))
    found = {
        "carina": Landmark((0.0, -25.0, 0.0), LandmarkStatus.FOUND, 0.9),
        "arch_top": Landmark((20.0, -30.0, 38.0), LandmarkStatus.FOUND, 0.9),
        "arch_underside": Landmark(None, LandmarkStatus.NOT_FOUND, 0.0),
    }
    names = {2: "lung_right", 3: "lung_left", 4: "airway", 5: "spinal_canal"}
    region = Region((-80.0, -80.0, -60.0), (80.0, 60.0, 60.0))
    frame = frame_of(Anatomy(found, region, "test", Volume(labels, grid, Quantity.LABEL), names))
    assert frame.planes == {"carina": 0.0, "arch_top": 38.0}
    assert (frame.width_mm, frame.depth_mm) == (267.0, 177.0)
    z = [point[2] for point in frame.middle]
    assert z == sorted(z) and 0.0 in z
    above = frame.middle[-1]
    assert above[:2] == pytest.approx((-1.5, -25.5), abs=1.6)
    assert frame_of(Anatomy({}, region, "test")) is None
    bare = frame_of(Anatomy(found, region, "test"))
    assert bare.width_mm is None and bare.middle == ((0.0, -25.0, 0.0),)

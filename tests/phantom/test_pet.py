"""The PET of a drawn patient: what is drawn is what is seen, but for blur, breath and noise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from nodewise.phantom import pet as pet_module
from nodewise.phantom.body import Body, BodyRegion, Tumour
from nodewise.phantom.draw.canvas import Canvas
from nodewise.phantom.draw.shapes import ball
from nodewise.phantom.drawn_node import DrawnNode, paint_node
from nodewise.phantom.geometry import Tissue
from nodewise.phantom.organ_names import ORGANS
from nodewise.phantom.pet import scan_pet
from nodewise.phantom.uptake import draw_uptake, suv_slice
from nodewise.values.grid import Grid
from nodewise.values.node import Status
from nodewise.values.station import Side
from nodewise.values.volume import Quantity, Volume


def body_of(nodes=(), *, step: float = 2.0, liver: bool = True, radius_mm: float = 20.0) -> Body:
    """A box of lung with a liver below, a tumour above and nodes in fat between them."""
    n = int(160 / step)
    canvas = Canvas(Grid.of((n, n, n), (step,) * 3, (step / 2 - 80,) * 3))
    canvas.tissue[...] = canvas.other[...] = Tissue.LUNG
    if liver:
        z = np.broadcast_to(canvas.axes[2], canvas.tissue.shape)
        canvas.tissue[z < -20] = Tissue.LIVER
    canvas.paint(Tissue.TUMOUR, ball(np.array((0.0, 0.0, 45.0)), (radius_mm,) * 3))
    for number, node in enumerate(nodes, 1):
        canvas.paint(Tissue.FAT, replace(node.shape, radii=node.shape.radii + 6))
        paint_node(canvas, number, node)
    empty = Volume(np.zeros(canvas.grid.shape, np.uint8, order="F"), canvas.grid, Quantity.LABEL)
    tumour = Tumour("lung", Side.LEFT, 2 * radius_mm, "T2", (0.0, 0.0, 45.0))
    return Body(BodyRegion.CHEST, canvas.geometry(), empty, empty, {}, tuple(nodes), {}, tumour)


def node(x: float, r: float, status: Status = Status.MALIGNANT) -> DrawnNode:
    return DrawnNode(ball(np.array((x, 0.0, 0.0)), (r, r, r)), "7", status)


def quiet(monkeypatch: pytest.MonkeyPatch, **changes: float) -> None:
    """A scanner without noise and without breath, but for ``changes``."""
    draw = pet_module._draw_protocol

    def drawn(*args):
        return replace(draw(*args), **({"noise": 1e-6, "breath_mm": 0.0, "shift_mm": 0.0} | changes))

    monkeypatch.setattr(pet_module, "_draw_protocol", drawn)


def at(volume: Volume, *lps: float) -> float:
    return float(ndimage.map_coordinates(volume.array, volume.grid.to_index(lps)[:, None], order=1)[0])


def test_large_structures_keep_their_suv(monkeypatch):
    quiet(monkeypatch)
    scan = scan_pet(body_of(radius_mm=15.0), np.random.default_rng(1))
    assert at(scan.volume, 0, 0, 45) == pytest.approx(scan.uptake.tumour, rel=0.02)
    assert at(scan.volume, 0, 0, -60) == pytest.approx(scan.uptake.tissues[Tissue.LIVER], rel=0.01)
    assert at(scan.volume, 60, 60, 20) == pytest.approx(scan.uptake.tissues[Tissue.LUNG], rel=0.01)


@given(sigma=st.floats(2, 4), step=st.sampled_from((0.5, 1.0, 2.0)))
@settings(max_examples=15)
def test_the_blur_is_a_gaussian_of_the_voxels_own_extent(sigma, step):
    """Against the blur of the same bar on a ten times finer line."""
    ct, pet = Grid.of((int(100 / step), 1, 1), (step, 1, 1)), Grid.of((23, 1, 1), (4.07, 1, 1), (2.2, 0, 0))
    bar = np.zeros(ct.shape[0], np.float32)
    bar[int(40 / step) : int(52 / step)] = 5
    fine = ndimage.gaussian_filter1d(np.repeat(bar.astype(float), 20), 20 * sigma / step, mode="constant", truncate=6)
    seen = pet_module._spread(ct, pet, 0, sigma * np.sqrt(8 * np.log(2))) @ bar
    places = (np.arange(len(fine)) + 0.5) * step / 20 - step / 2
    wanted = np.interp(2.2 + np.arange(23) * 4.07, places, fine)
    np.testing.assert_allclose(seen, wanted, atol=0.01)


def test_activity_is_neither_lost_nor_made(monkeypatch):
    """The sum of activity in the PET is that of the drawn body, far from the edges."""
    quiet(monkeypatch)
    body = body_of(liver=False, radius_mm=8.0)
    scan = scan_pet(body, np.random.default_rng(3))
    lung = float(scan.uptake.tissues[Tissue.LUNG])
    drawn = sum(float((suv_slice(body, scan.uptake, k) - lung).sum()) for k in range(body.geometry.grid.shape[2])) * 8
    inner = scan.volume.array[3:-3, 3:-3, 3:-3] - lung
    assert inner.sum() * scan.volume.grid.voxel_volume_mm3 == pytest.approx(drawn, rel=0.03)


def test_small_hot_nodes_are_dimmed_by_blur(monkeypatch):
    """Partial volume: of two nodes of one SUV the smaller is the dimmer; a large one is seen as it is."""
    quiet(monkeypatch)
    nodes = (node(-40, 3), node(0, 6), node(40, 14))
    monkeypatch.setattr("nodewise.phantom.uptake._nodes", lambda nodes, rng: np.full(len(nodes), 8, np.float32))
    seen = scan_pet(body_of(nodes), np.random.default_rng(5)).node_uptake
    assert seen[0] < 0.6 * seen[1] < 0.6 * seen[2]
    assert seen[2] == pytest.approx(8, rel=0.06)


def test_a_breath_moves_the_dome_by_what_is_said(monkeypatch):
    def dome(shift: float) -> float:
        quiet(monkeypatch, shift_mm=shift, fwhm_mm=5.0)
        scan = scan_pet(body_of(step=2.0), np.random.default_rng(4))
        monkeypatch.undo()
        assert scan.shift_mm == shift
        index = scan.volume.grid.to_index((40, 40, 0))
        line = scan.volume.array[round(index[0]), round(index[1])]
        half = 0.5 * (scan.uptake.tissues[Tissue.LIVER] + scan.uptake.tissues[Tissue.LUNG])
        z = scan.volume.grid.origin[2] + np.arange(len(line)) * scan.volume.grid.spacing[2]
        return float(np.interp(-half, -line, z))

    rest = dome(0.0)
    assert rest == pytest.approx(-20, abs=1.5)
    assert dome(12.0) - rest == pytest.approx(12, abs=1.5)
    assert dome(-6.0) - rest == pytest.approx(-6, abs=1.5)


def test_noise_follows_the_activity():
    body = body_of(radius_mm=6.0)
    scan = scan_pet(body, np.random.default_rng(8), in_register=True)
    suv, z = (
        scan.volume.array,
        scan.volume.grid.origin[2] + np.arange(scan.volume.grid.shape[2]) * scan.volume.grid.spacing[2],
    )
    liver, lung = suv[6:-6, 6:-6, (z > -65) & (z < -40)], suv[6:-6, 6:-6, (z > 0) & (z < 20)]
    assert 0.03 < liver.std() / liver.mean() < 0.2
    assert lung.std() / liver.std() == pytest.approx(np.sqrt(lung.mean() / liver.mean()), rel=0.25)
    assert suv.min() >= 0


def test_ranges_of_a_cohort():
    """Tumours of 4 to 20, livers about 2.2; 40 % of malignant nodes hot before blur, few benign ones warm."""
    body = body_of(tuple(node(0, 4, s) for s in (Status.MALIGNANT, Status.EXTRANODAL) * 5 + (Status.BENIGN,) * 10))
    drawn = [draw_uptake(body, np.random.default_rng(s)) for s in range(200)]
    tumours, livers = ([float(d.tissues[t]) for d in drawn] for t in (Tissue.TUMOUR, Tissue.LIVER))
    assert min(tumours) >= 4 and max(tumours) <= 20
    assert np.mean(livers) == pytest.approx(2.2, abs=0.1)
    nodes = np.array([d.nodes for d in drawn])
    assert (nodes[:, :10] > 2.5).mean() == pytest.approx(0.4, abs=0.04)
    assert 0.05 < (nodes[:, 10:] >= 2).mean() < 0.25 and nodes[:, 10:].max() <= 5


def test_every_tissue_has_an_uptake():
    listed = draw_uptake(body_of(), np.random.default_rng(0)).tissues
    assert len(listed) == len(Tissue)
    assert [t.name for t in Tissue if not listed[t] >= 0] == []  # what is not listed is not a number
    assert listed[Tissue.URINE] > 10 > listed[Tissue.KIDNEY] > 2.9


def test_the_brain_is_hotter_than_the_cord_that_it_looks_like():
    body = body_of(liver=False)
    body.geometry.tissue[20:60] = body.geometry.other[20:60] = Tissue.SPINAL_CANAL
    organs = np.zeros(body.geometry.tissue.shape, np.uint8, order="F")
    organs[20:40], organs[40:60] = ORGANS["brain"], ORGANS["spinal_cord"]
    known = replace(body, organs=Volume(organs, body.geometry.grid, Quantity.LABEL))
    uptake = draw_uptake(known, np.random.default_rng(0))
    suv = suv_slice(known, uptake, 3).T
    assert 5 <= uptake.brain <= 9
    np.testing.assert_allclose(suv[20:40], uptake.brain)
    assert suv[40:60].max() < 2


def test_brown_fat_is_active_in_few_and_lies_in_fat_alone():
    body = body_of(liver=False)
    body.geometry.tissue[10:30] = Tissue.FAT
    known = replace(body, landmarks={"carina": (0.0, 0.0, -20.0)})
    spots = [
        [s for s in draw_uptake(known, np.random.default_rng(i)).spots if s.tissue is Tissue.FAT] for i in range(150)
    ]
    active = [s for s in spots if s]
    assert 0.02 < len(active) / 150 < 0.15
    xs = np.array([s.centre_mm[0] for s in active[0]])
    np.testing.assert_allclose(xs[::2], -xs[1::2])  # alike on both sides
    seed = next(i for i, s in enumerate(spots) if s)
    uptake = draw_uptake(known, np.random.default_rng(seed))
    lung = (body.geometry.tissue == Tissue.LUNG) & (body.geometry.share == 255)
    suv = np.stack([suv_slice(known, uptake, k) for k in range(body.geometry.grid.shape[2])]).T
    assert suv[lung].max() < 1 < 1.5 < suv[body.geometry.tissue == Tissue.FAT].max()


def test_in_register_or_off_by_a_breath():
    shifts = [pet_module._draw_protocol(np.random.default_rng(s), BodyRegion.CHEST, None).shift_mm for s in range(200)]
    apart = np.abs([s for s in shifts if s])
    assert 0.5 < len(apart) / 200 < 0.7
    assert apart.max() <= 15 and apart.min() >= 1.8

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from nodewise.io.folder import read_study
from nodewise.io.itk import write_nifti
from nodewise.io.mask import read_mask
from nodewise.phantom.draw.shapes import ball
from nodewise.phantom.implant import (
    Background,
    Implanted,
    PasteMethod,
    implant,
    implant_patch,
    survey,
    write_implanted,
)
from nodewise.phantom.implant.ground import Ground
from nodewise.phantom.implant.item import Item, Kind
from nodewise.phantom.implant.noise import noise_zones
from nodewise.phantom.implant.place import fitted
from nodewise.phantom.implant.site import _beside_spine
from nodewise.values.anatomy import Anatomy, Region
from nodewise.values.errors import BadInputError
from nodewise.values.grid import Grid
from nodewise.values.node import Status
from nodewise.values.study import Source, Study
from nodewise.values.volume import Quantity, Volume

FAT, MUSCLE, BLOOD, NOISE = -105.0, 52.0, 230.0, 14.0
BLUR_MM = 0.8
GRID = Grid.of((96, 96, 60), (1.25, 1.25, 1.5), (-60.0, -60.0, -45.0))


def _drawn(enhanced: bool, seed: int = 0) -> tuple[Study, dict[str, np.ndarray], Volume]:
    """A cylinder of muscle with fat in it; in the fat a vessel, an airway with lung beside, and a strange blob."""
    x, y, z = (a + np.zeros(GRID.shape) for a in np.ogrid[:96, :96, :60])
    x, y, z = (x - 48) * 1.25, (y - 48) * 1.25, (z - 30) * 1.5
    around = np.hypot(x, y)
    hu = np.full(GRID.shape, -1000.0)
    hu[around < 57] = FAT
    hu[around < 53] = MUSCLE
    hu[around < 32] = FAT
    parts = {
        "vessel": np.hypot(x - 10, y) < 7,
        "airway": np.hypot(x + 10, y + 10) < 6,
        "lung": (around < 32) & (x < -20),
        "blob": np.sqrt((x - 2) ** 2 + (y - 20) ** 2 + (z + 10) ** 2) < 5,
    }
    blood = BLOOD if enhanced else 42.0
    for name, level in (("vessel", blood), ("airway", -990.0), ("lung", -850.0), ("blob", 40.0)):
        hu[parts[name]] = level
    width = [BLUR_MM / s for s in GRID.spacing]
    hu = ndimage.gaussian_filter(hu, width)
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=GRID.shape), (0.6, 0.6, 0.3))
    hu += NOISE * noise / noise.std()
    region = Volume(np.asfortranarray(around < 31), GRID, Quantity.MASK)
    ct = Volume(np.asfortranarray(hu, np.float32), GRID, Quantity.HU)
    return Study("drawn", ct, Source(GRID)), parts, region


@pytest.fixture(scope="module")
def plain() -> tuple[Background, dict[str, np.ndarray]]:
    study, parts, region = _drawn(enhanced=False)
    return survey(study, region), parts


@pytest.fixture(scope="module")
def bright() -> tuple[Background, dict[str, np.ndarray]]:
    study, parts, region = _drawn(enhanced=True)
    return survey(study, region), parts


def _implanted(background: Background, paste: PasteMethod, seed: int = 3, count: int = 10) -> Implanted:
    return implant(background.study, np.random.default_rng(seed), count=count, paste=paste, background=background)


def _one(background: Background, item: Item, paste: PasteMethod, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """The image after one item, and its label."""
    ground = Ground(background)
    placed = fitted(ground, item)
    assert placed is not None
    pasted = paste.paste(ground, placed.part, item, placed.allowed, np.random.default_rng(seed))
    ground.add(item, placed.part, pasted, 1)
    return ground.hu, ground.nodes == 1


def _ball(background: Background, x: float, y: float, radius: float, hu: float = 40.0) -> Item:
    """A plain round node at (x, y, 0) mm of the drawing."""
    start = background.box.start
    centre = [(48 + x / 1.25 - start[0]) * 1.25, (48 + y / 1.25 - start[1]) * 1.25, (30 - start[2]) * 1.5]
    return Item(Kind.NODE, ball(centre, [radius] * 3), hu, 0.0, status=Status.BENIGN, short_axis_mm=2 * radius)


both = pytest.mark.parametrize("paste", list(PasteMethod))


def test_the_look_of_a_scan_is_measured(
    plain: tuple[Background, dict[str, np.ndarray]], bright: tuple[Background, dict[str, np.ndarray]]
) -> None:
    for background, enhanced in ((plain[0], False), (bright[0], True)):
        look = background.look
        assert look.fat_hu == pytest.approx(FAT, abs=4)
        assert look.muscle_hu == pytest.approx(MUSCLE, abs=4)
        assert look.enhanced is enhanced
        assert look.noise_hu == pytest.approx(NOISE, rel=0.12)
        assert look.fat_noise_hu == pytest.approx(NOISE, rel=0.12)
        assert look.blur_mm[0] == pytest.approx(BLUR_MM, rel=0.2)
    assert bright[0].look.blood_hu == pytest.approx(BLOOD, abs=12)


def test_node_density_follows_the_phase(bright: tuple[Background, dict[str, np.ndarray]]) -> None:
    look = bright[0].look
    rng = np.random.default_rng(0)
    with_contrast = [look.node_hu(rng) for _ in range(300)]
    without = [replace(look, enhanced=False).node_hu(rng) for _ in range(300)]
    assert 45 <= min(with_contrast) < 55 < 85 < max(with_contrast) <= 100
    assert 22 <= min(without) < 35 < 44 < max(without) <= 48


@both
def test_the_pasted_density_is_that_of_the_item(
    plain: tuple[Background, dict[str, np.ndarray]], paste: PasteMethod
) -> None:
    hu, label = _one(plain[0], _ball(plain[0], 2, -20, 7.0, hu=40.0), paste)
    core = ndimage.binary_erosion(label, iterations=2)
    assert hu[core].mean() == pytest.approx(40, abs=4)


@both
def test_the_label_is_as_large_as_the_change(
    plain: tuple[Background, dict[str, np.ndarray]], paste: PasteMethod
) -> None:
    background = plain[0]
    for x, y, radius in ((2, -20, 7.0), (2, -20, 3.5), (22, 12, 5.0)):
        hu, label = _one(background, _ball(background, x, y, radius), paste)
        added = float((hu - background.hu).sum()) / (40 - FAT)
        assert added == pytest.approx(float(label.sum()), rel=0.12)
        if x == 2:
            true = 4 / 3 * np.pi * radius**3 / GRID.voxel_volume_mm3
            assert label.sum() == pytest.approx(true, rel=0.1)


@both
@pytest.mark.parametrize("name", ["plain", "bright"])
def test_nodes_are_moulded_behind_the_vessel(paste: PasteMethod, name: str, request: pytest.FixtureRequest) -> None:
    background, parts = request.getfixturevalue(name)
    hu, label = _one(background, _ball(background, 10, -11.5, 6.0), paste)
    change = np.abs(hu - background.hu)
    deep = ndimage.binary_erosion(parts["vessel"])[background.box.slices]
    assert label.sum() > 150
    assert change[ndimage.binary_erosion(deep)].max() < NOISE
    assert np.percentile(change[deep], 95) < 1.5 * NOISE
    smooth = ndimage.gaussian_filter(hu, 0.7)
    x, y, z = 48 + 10 / 1.25 - background.box.start[0], 48 - background.box.start[1], 30 - background.box.start[2]
    line = smooth[round(x), round(y - 10) : round(y) + 1, z - 2 : z + 3].mean(axis=1)
    assert line.min() > 40 - 1.5 * NOISE  # no rim of fat is left between them


@both
def test_vessels_airways_lung_and_muscle_stay(
    plain: tuple[Background, dict[str, np.ndarray]],
    bright: tuple[Background, dict[str, np.ndarray]],
    paste: PasteMethod,
) -> None:
    for background, parts in (plain, bright):
        made = _implanted(background, paste, count=14)
        change = np.abs(made.ct.array - background.study.ct.array)
        assert len(made.nodes) > 5
        for name, part in parts.items():  # two voxels are 3 standard deviations of the blur
            deep = ndimage.binary_erosion(part, iterations=2)
            assert change[deep].max() < NOISE, name
            assert change[deep].mean() < 0.5, name


@both
@pytest.mark.parametrize("name", ["plain", "bright"])
def test_beyond_reach_of_a_label_no_voxel_changes(
    paste: PasteMethod, name: str, request: pytest.FixtureRequest
) -> None:
    background = request.getfixturevalue(name)[0]
    before = background.study.ct.array
    for seed in range(3, 9):
        made = _implanted(background, paste, seed, count=14)
        taken = (made.labels.array > 0) | (made.controls.array > 0)
        reach = np.divide(GRID.spacing, Ground(background).reach_mm)
        far = ndimage.distance_transform_edt(~taken, sampling=reach) > 1
        assert max(Ground(background).reach_mm) < 5
        np.testing.assert_array_equal(made.ct.array[far], before[far])
        assert not np.array_equal(made.ct.array[~far], before[~far])


@both
def test_noise_inside_is_the_scans(plain: tuple[Background, dict[str, np.ndarray]], paste: PasteMethod) -> None:
    background = plain[0]
    values = []
    for seed, (x, y) in enumerate([(2, -20), (22, 12), (2, -20), (22, 12), (2, -20)]):
        hu, label = _one(background, _ball(background, x, y, 6.5), paste, seed)
        core = ndimage.binary_erosion(label, iterations=2)
        values.append(hu[core] - hu[core].mean())
        left = np.where(core, hu - hu[core].mean(), 0)
        product = (left[1:] * left[:-1]).sum() / (core[1:] & core[:-1]).sum()
        assert product / values[-1].var() == pytest.approx(0.5, abs=0.25)  # exp(−1 / 4·0.6²)
    assert np.concatenate(values).std() == pytest.approx(NOISE, rel=0.15)


@both
def test_same_seed_same_scan_and_another_seed_another(
    plain: tuple[Background, dict[str, np.ndarray]], paste: PasteMethod
) -> None:
    a, b, c = (_implanted(plain[0], paste, seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(a.ct.array, b.ct.array)
    np.testing.assert_array_equal(a.labels.array, b.labels.array)
    assert not np.array_equal(a.ct.array, c.ct.array)


def test_noise_is_told_from_side_to_side() -> None:
    rng = np.random.default_rng(4)
    strength = np.linspace(0.7, 1.4, 120)[:, None, None]
    smooth = np.full((120, 60, 40), MUSCLE, np.float32)
    hu = (smooth + 20 * strength * rng.normal(size=smooth.shape)).astype(np.float32)
    _, noise = noise_zones(hu, smooth, FAT, (1.5, 1.5, 1.5))
    found = noise[10:110].mean(axis=(1, 2)) / (20 * strength[10:110, 0, 0])
    assert found.mean() == pytest.approx(1, abs=0.06)
    assert np.abs(found - 1).max() < 0.15
    even = (smooth + 20 * rng.normal(size=smooth.shape)).astype(np.float32)
    assert noise_zones(even, smooth, FAT, (1.5, 1.5, 1.5))[1] == pytest.approx(20, rel=0.1)


def test_fat_beside_the_spine_is_no_place() -> None:
    ct = _drawn(enhanced=False)[0].ct
    canal = np.zeros(GRID.shape, np.uint8, order="F")
    canal[44:52, 80:90, 10:50] = 5
    at = Region((0, 0, 0), (1, 1, 1))
    anatomy = Anatomy({}, at, "drawn", organs=Volume(canal, GRID, Quantity.LABEL))
    behind = _beside_spine(ct, anatomy)
    assert behind[:, 69:].all()  # 80 voxels less 15 mm, at every level
    assert not behind[:, :68].any()
    assert not _beside_spine(ct, Anatomy({}, at, "drawn")).any()


def test_controls_are_never_nodes(plain: tuple[Background, dict[str, np.ndarray]]) -> None:
    seen = set()
    for seed in range(4):
        made = _implanted(plain[0], PasteMethod.ALPHA, seed)
        controls, kinds = made.controls.array, made.kinds.array
        assert not ((made.labels.array > 0) & (controls > 0)).any()
        for number, item in enumerate(made.control_items, 1):
            assert item.kind is not Kind.NODE
            assert item.status is None
            own = kinds[controls == number]
            assert (own == item.kind.label).all()
            seen.add(item.kind)
        assert ((kinds == Kind.NODE.label) == (made.labels.array > 0)).all()
        assert made.labels.array.max() <= len(made.nodes)
    assert len(seen) == 4
    alone = implant(plain[0].study, np.random.default_rng(0), count=4, negatives=False, background=plain[0])
    assert not alone.control_items
    assert not alone.controls.array.any()


def test_what_may_be_a_node_is_ignored_and_left_alone(plain: tuple[Background, dict[str, np.ndarray]]) -> None:
    background, parts = plain
    ignore = np.zeros(GRID.shape, bool)
    ignore[background.box.slices] = background.ignore
    assert ignore[parts["blob"]].mean() > 0.5
    assert ignore[parts["vessel"]].mean() < 0.02
    made = _implanted(background, PasteMethod.ALPHA, count=16)
    assert not (ignore & ((made.labels.array > 0) | (made.controls.array > 0))).any()
    np.testing.assert_array_equal(made.ignore.array, ignore)


@both
def test_patches_hold_new_implants(plain: tuple[Background, dict[str, np.ndarray]], paste: PasteMethod) -> None:
    rng = np.random.default_rng(2)
    found = [implant_patch(plain[0], rng, patch=(48, 40, 32), paste=paste) for _ in range(5)]
    assert all(p.ct.array.shape == p.labels.array.shape == p.ignore.array.shape == (48, 40, 32) for p in found)
    assert sum(len(p.nodes) for p in found) >= 8
    whole = plain[0].study.ct
    for patch in found:
        before = whole.crop(whole.grid.box_of(patch.ct.grid)).array
        changed = np.abs(patch.ct.array - before) > 60
        near = ndimage.binary_dilation((patch.labels.array > 0) | (patch.controls.array > 0), iterations=2)
        assert changed.any()
        assert not (changed & ~near).any()


def test_sizes_and_kinds_of_nodes_vary(plain: tuple[Background, dict[str, np.ndarray]]) -> None:
    nodes = [n for seed in range(5) for n in _implanted(plain[0], PasteMethod.ALPHA, seed, 16).nodes]
    assert {n.status for n in nodes} == set(Status)
    assert {c for n in nodes for c in n.contents} >= {"necrosis", "fatty hilum"}
    sizes = [n.short_axis_mm for n in nodes]
    assert min(sizes) < 5
    assert max(sizes) > 10


@pytest.mark.parametrize("fmt", ["nifti", "dicom"])
def test_written_scans_are_read_back(tmp_path: Path, fmt: str) -> None:
    study, _, region = _drawn(enhanced=True)
    write_nifti(study.ct, tmp_path / "scan.nii.gz")
    write_nifti(region, tmp_path / "region.nii.gz")
    told: list[tuple[int, int]] = []
    write_implanted(
        tmp_path / "out",
        tmp_path / "scan.nii.gz",
        2,
        40,
        fmt=fmt,
        region=tmp_path / "region.nii.gz",
        progress=lambda done, total: told.append((done, total)),
    )
    assert told == [(0, 2), (1, 2), (2, 2)]
    for name in ("implant-0040", "implant-0041"):
        folder = tmp_path / "out" / "truth" / name
        truth = json.loads((folder / "truth.json").read_text())
        nodes, negatives = read_mask(folder / "nodes.nii.gz"), read_mask(folder / "negatives.nii.gz")
        image = read_study(tmp_path / "out" / "images" / (f"{name}.nii.gz" if fmt == "nifti" else name))
        assert image.ct.grid.same_as(nodes.grid)
        assert {n["id"] for n in truth["nodes"]} == set(np.unique(nodes.array)) - {0}
        assert {n["id"] for n in truth["negatives"]} == set(np.unique(negatives.array)) - {0}
        assert truth["contrast"] is True
        assert read_mask(folder / "ignore.nii.gz").array.any()
        for node in truth["nodes"]:
            volume = (nodes.array == node["id"]).sum() * nodes.grid.voxel_volume_mm3
            assert node["volume_mm3"] == pytest.approx(volume, abs=0.1)
            assert node["status"] in {"benign", "malignant", "extranodal"}
        assert {n["kind"] for n in truth["negatives"]} <= {"vessel", "oesophagus", "thymus", "muscle"}


def test_bad_input_is_one_clear_line(tmp_path: Path) -> None:
    study, _, region = _drawn(enhanced=False)
    none = Volume(np.zeros(GRID.shape, bool, order="F"), GRID, Quantity.MASK)
    with pytest.raises(BadInputError, match="no region to implant into"):
        survey(study, none)
    lean = Volume(np.asfortranarray(np.where(study.ct.array < -40, -1000, study.ct.array)), GRID, Quantity.HU)
    with pytest.raises(BadInputError, match="too little"):
        survey(replace(study, ct=lean), region)
    write_nifti(study.ct, tmp_path / "scan.nii.gz")
    with pytest.raises(BadInputError, match="choose alpha or poisson"):
        write_implanted(tmp_path / "out", tmp_path / "scan.nii.gz", 1, 0, paste="glue")
    with pytest.raises(BadInputError, match="choose nifti or dicom"):
        write_implanted(tmp_path / "out", tmp_path / "scan.nii.gz", 1, 0, fmt="png")
    (tmp_path / "not.nii.gz").write_bytes(b"no")
    with pytest.raises(BadInputError) as caught:
        write_implanted(tmp_path / "out", tmp_path / "not.nii.gz", 1, 0)
    assert "\n" not in str(caught.value)

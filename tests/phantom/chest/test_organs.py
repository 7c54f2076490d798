from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from nodewise.phantom.body import Body
from nodewise.phantom.chest.lungs import LOBES
from nodewise.phantom.geometry import Tissue as T
from nodewise.phantom.organ_names import NAMES, ORGANS

SPACING = 2.5


@pytest.fixture(params=(0, 1))
def chest(request: pytest.FixtureRequest, chests: list[Body]) -> Body:
    return chests[request.param]


def _centre(chest: Body, name: str) -> np.ndarray:
    """Of an organ, relative to the carina."""
    places = chest.organs.grid.to_lps(np.argwhere(chest.organs.array == ORGANS[name]))
    assert len(places), name
    return places.mean(axis=0) - chest.landmarks["carina"]


def test_every_organ_of_the_chest_is_there(chest: Body) -> None:
    found = {NAMES[int(n)] for n in np.unique(chest.organs.array) if n}
    wanted = {
        *LOBES, "heart", "aorta", "pulmonary_vein", "brachiocephalic_trunk", "atrial_appendage_left",
        "superior_vena_cava", "inferior_vena_cava", "esophagus", "trachea", "thyroid_gland", "sternum",
        "costal_cartilages", "spinal_cord", "liver", "spleen", "stomach", "azygos_vein", "ligamentum_arteriosum",
        "main_bronchus_right", "main_bronchus_left", "bronchus_intermedius", "lobar_bronchi", "pulmonary_trunk",
        "pulmonary_artery_left", "pulmonary_artery_right", "heart_myocardium", "heart_atrium_left",
        "heart_ventricle_left", "heart_atrium_right", "heart_ventricle_right", "pericardium", "tumour",
    }  # fmt: skip
    for side in ("left", "right"):
        wanted |= {f"{n}_{side}" for n in ("subclavian_artery", "common_carotid_artery", "brachiocephalic_vein")}
        wanted |= {f"{n}_{side}" for n in ("clavicula", "scapula", "autochthon")}
        wanted |= {f"rib_{side}_{n}" for n in range(1, 12)}
    wanted |= {f"vertebrae_T{n}" for n in range(1, 12)} | {"vertebrae_C7"}
    assert wanted <= found
    assert not found & {"kidney_left", "brain", "colon"}


def test_left_is_left_for_every_paired_organ(chest: Body) -> None:
    for number in np.unique(chest.organs.array):
        name = NAMES.get(int(number), "")
        if "left" in name and name not in ("brachiocephalic_vein_left", "heart_atrium_left"):
            assert _centre(chest, name)[0] > 0, name
            twin = name.replace("left", "right")
            if twin in ORGANS and (chest.organs.array == ORGANS[twin]).any():
                assert _centre(chest, twin)[0] < _centre(chest, name)[0], name


def test_ribs_and_vertebrae_follow_each_other_downwards(chest: Body) -> None:
    for names in (
        [f"vertebrae_T{n}" for n in range(1, 12)],
        [f"rib_left_{n}" for n in range(1, 11)],
        [f"rib_right_{n}" for n in range(1, 11)],
    ):
        assert (np.diff([_centre(chest, n)[2] for n in names]) < 0).all()
    assert abs(_centre(chest, "vertebrae_T5")[2]) < 15  # the carina lies before T4 or T5


def test_organs_are_made_of_their_tissue(chest: Body) -> None:
    airway = {T.AIRWAY_LUMEN, T.AIRWAY_WALL, T.CARTILAGE, T.BONE}
    lung = {T.LUNG, T.VESSEL_PULMONARY, T.VESSEL_PULMONARY_VEIN, T.CONSOLIDATION}
    made_of = {
        "aorta": {T.VESSEL_ARTERY}, "subclavian_artery_left": {T.VESSEL_ARTERY}, "azygos_vein": {T.VESSEL_VEIN_LATE},
        "superior_vena_cava": {T.VESSEL_VEIN}, "pulmonary_trunk": {T.VESSEL_PULMONARY},
        "pulmonary_vein": {T.VESSEL_PULMONARY_VEIN}, "esophagus": {T.OESOPHAGUS, T.OESOPHAGUS_AIR},
        "trachea": airway, "main_bronchus_left": airway, "heart_ventricle_left": {T.HEART_LEFT},
        "heart_myocardium": {T.HEART}, "heart": {T.FAT, T.VESSEL_SMALL}, "pericardium": {T.PERICARDIUM},
        "vertebrae_T6": {T.BONE, T.MARROW}, "rib_left_5": {T.BONE, T.MARROW}, "sternum": {T.BONE, T.MARROW},
        "liver": {T.LIVER, T.VESSEL_VEIN_LATE}, "stomach": {T.STOMACH, T.BOWEL_GAS}, "tumour": {T.TUMOUR},
        "costal_cartilages": {T.CARTILAGE, T.BONE}, "spinal_cord": {T.SPINAL_CANAL}, "autochthon_left": {T.MUSCLE},
        **dict.fromkeys(LOBES, lung),
    }  # fmt: skip
    for name, tissues in made_of.items():
        found = set(np.unique(chest.geometry.tissue[chest.organs.array == ORGANS[name]]))
        assert found <= {int(t) for t in tissues}, name
    assert not chest.organs.array[chest.geometry.nodes > 0].any()


def test_lobes_tile_the_lungs(chest: Body) -> None:
    lobe = np.isin(chest.organs.array, [ORGANS[n] for n in LOBES])
    assert lobe[chest.geometry.tissue == T.LUNG].all()
    for name in LOBES:
        one = chest.organs.array == ORGANS[name]
        parts, _ = ndimage.label(one)
        assert np.bincount(parts[one]).max() > 0.9 * one.sum(), name
        assert 0.04 < one.sum() / lobe.sum() < 0.4, name
    assert _centre(chest, "lung_upper_lobe_left")[2] > _centre(chest, "lung_lower_lobe_left")[2]
    middle, lower = _centre(chest, "lung_middle_lobe_right"), _centre(chest, "lung_lower_lobe_right")
    assert middle[1] < lower[1]
    assert middle[2] < _centre(chest, "lung_upper_lobe_right")[2]


def test_vessels_run_where_they_should(chest: Body) -> None:
    organs = chest.organs

    def places(name: str) -> np.ndarray:
        return organs.grid.to_lps(np.argwhere(organs.array == ORGANS[name])) - chest.landmarks["carina"]

    azygos, cava = places("azygos_vein"), places("superior_vena_cava")
    arch = azygos[azygos[:, 2] > azygos[:, 2].max() - 8]
    gaps = np.linalg.norm(arch[:, None] - cava, axis=2).min()
    assert gaps < 2 * SPACING  # it ends in the back of the upper cava
    assert arch[:, 0].mean() < -8
    cord = places("ligamentum_arteriosum")
    for end in ("aorta", "pulmonary_artery_left"):
        assert np.linalg.norm(cord[:, None] - places(end), axis=2).min() < 2 * SPACING
    left, trunk = places("brachiocephalic_vein_left"), places("brachiocephalic_trunk")
    shared = (left[:, 2] > trunk[:, 2].min()) & (left[:, 0] < trunk[:, 0].max())
    assert left[shared, 1].mean() < trunk[:, 1].mean()  # in front of the branches
    veins = places("pulmonary_vein")
    atrium = places("heart_atrium_left")
    assert np.linalg.norm(veins[:, None] - atrium[::3], axis=2).min() < 2 * SPACING
    gullet, trachea = places("esophagus"), places("trachea")
    high = gullet[(gullet[:, 2] > 10) & (gullet[:, 2] < 60)].mean(axis=0)
    assert high[1] > trachea[(trachea[:, 2] > 10) & (trachea[:, 2] < 60)].mean(axis=0)[1]
    assert high[0] > 0

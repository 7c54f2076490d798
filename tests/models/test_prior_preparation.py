import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from nodewise.image.resample import resample
from nodewise.models.nnunet_preparation import Intensity
from nodewise.models.preparation_file import PreparationFile, PriorFile, describe_prior
from nodewise.models.prior_preparation import FARTHEST_MM, STRUCTURES, PriorPreparation, lung_region
from nodewise.values.anatomy import Anatomy, Region
from nodewise.values.errors import BadInputError
from nodewise.values.grid import Grid
from nodewise.values.volume import Quantity, Volume

CT = Grid.of((60, 50, 40), (2.0, 2.0, 3.0), (-60.0, -50.0, 10.0))
MAPS = Grid.of((40, 34, 40), (3.0, 3.0, 3.0), (-60.0, -50.0, 10.0))
HU = Intensity(mean=50.0, std=20.0, percentile_00_5=-20.0, percentile_99_5=130.0)
NAMES = {1: "lung_upper_lobe_left", 2: "lung_right", 3: "aorta", 4: "vertebrae_T5", 5: "trachea", 6: "rib_left_4"}


def _anatomy(**more):
    organs = np.zeros(MAPS.shape, np.uint8)
    organs[4:12, 6:28, 5:30], organs[26:34, 8:28, 5:32] = 2, 1
    organs[18:21, 14:17, 10:30], organs[18:22, 26:31], organs[17:20, 18:20, 20:] = 3, 4, 5
    organs[2:4, 10:20, 12] = 6
    prior = np.zeros(MAPS.shape, np.float32)
    prior[16:22, 14:20, 12:20] = 0.8
    distance = np.linalg.norm((np.moveaxis(np.indices(MAPS.shape), 0, -1) - (18, 18, 18)) * 3.0, axis=-1)
    return Anatomy(
        {},
        Region((-50.0, -40.0, 20.0), (50.0, 40.0, 100.0)),
        "by hand",
        **{
            "organs": Volume(organs, MAPS, Quantity.LABEL),
            "organ_names": NAMES,
            "prior": Volume(prior, MAPS, Quantity.PROBABILITY),
            "distance": Volume(distance.astype(np.float32), MAPS, Quantity.MILLIMETRE),
            **more,
        },
    )


def _ct():
    rng = np.random.default_rng(0)
    return Volume(np.asfortranarray(rng.normal(40, 60, CT.shape), np.float32), CT, Quantity.HU)


def test_the_box_is_that_of_the_lungs_with_a_margin():
    region = lung_region(_anatomy())
    assert np.allclose(region.low_mm, MAPS.to_lps((3.5, 5.5, 4.5)))
    assert np.allclose(region.high_mm, MAPS.to_lps((33.5, 27.5, 31.5)))
    native, _ = PriorPreparation((3.0, 3.0, 3.0), HU, "ct", margin_mm=6.0).grids(CT, _anatomy())
    low, high = native.to_lps((-0.5, -0.5, -0.5)), native.to_lps(np.array(native.shape) - 0.5)
    assert np.all(low <= np.array(region.low_mm) - 6 + 1e-6) and np.all(low > np.array(region.low_mm) - 6 - 3.1)
    assert np.all(high >= np.minimum(np.array(region.high_mm) + 6, CT.to_lps(np.array(CT.shape) - 0.5)) - 1e-6)
    assert lung_region(_anatomy(organs=None)) == _anatomy().mediastinum


def test_the_ct_is_normalised_as_by_nnunet():
    prepared = PriorPreparation((3.0, 3.0, 3.0), HU, "ct")(_ct(), _anatomy())
    hu = resample(_ct().crop(CT.box_of(prepared.native)), prepared.grid, fill=-20.0).array
    expected = (np.clip(hu, -20, 130) - 50) / 20
    assert prepared.image.shape == (1, *prepared.grid.shape)
    np.testing.assert_allclose(prepared.image[0], expected, atol=0.03)  # HU are kept as whole numbers


def test_the_prior_and_the_distance_are_put_on_the_networks_voxels():
    preparation = PriorPreparation((3.0, 3.0, 3.0), HU)
    anatomy = _anatomy()
    prepared = preparation(_ct(), anatomy)
    assert preparation.count == 3 == len(prepared.image)
    np.testing.assert_allclose(prepared.image[2], resample(anatomy.prior, prepared.grid).array, atol=1e-3)
    distance = resample(anatomy.distance, prepared.grid, fill=FARTHEST_MM).array / FARTHEST_MM
    np.testing.assert_allclose(prepared.image[1], np.minimum(distance, 1), atol=1e-3)
    scaled = anatomy.distance.with_array(anatomy.distance.array / np.float32(FARTHEST_MM), Quantity.PROBABILITY)
    again = preparation(_ct(), _anatomy(distance=scaled))
    np.testing.assert_allclose(again.image[1], prepared.image[1], atol=2e-3)


def test_what_is_not_known_of_a_place_is_far_and_unlikely():
    prepared = PriorPreparation((3.0, 3.0, 3.0), HU)(_ct(), _anatomy(prior=None, distance=None))
    assert (prepared.image[1] == 1).all()
    assert (prepared.image[2] == 0).all()


def test_labels_are_one_mask_a_structure():
    preparation = PriorPreparation((3.0, 3.0, 3.0), HU, "labels")
    anatomy = _anatomy()
    prepared = preparation(_ct(), anatomy)
    assert preparation.count == 1 + len(STRUCTURES) == len(prepared.image)
    known = {"airway": (5,), "aorta": (3,), "heart": (), "oesophagus": (), "bones": (4, 6), "lungs": (1, 2)}
    for (name, _), channel in zip(STRUCTURES, prepared.image[1:], strict=True):
        inside = np.isin(anatomy.organs.array, known[name]).astype(np.float32)
        wanted = resample(Volume(inside, MAPS, Quantity.PROBABILITY), prepared.grid).array
        np.testing.assert_allclose(channel, wanted, atol=1e-3, err_msg=name)
    with pytest.raises(BadInputError, match="no organs were found"):
        preparation(_ct(), _anatomy(organs=None))


def test_an_answer_goes_back_onto_the_cts_voxels():
    preparation = PriorPreparation((3.0, 3.0, 3.0), HU)
    prepared = preparation(_ct(), _anatomy())
    answer = np.zeros(prepared.grid.shape, np.float32)
    answer[10:14, 8:12, 8:12] = 1
    back = preparation.restore(answer, prepared)
    assert back.grid.same_as(prepared.native)
    assert CT.box_of(back.grid)
    volume = (back.array >= 0.5).sum() * CT.voxel_volume_mm3
    assert volume == pytest.approx(64 * prepared.grid.voxel_volume_mm3, rel=0.15)
    centre = back.grid.to_lps(np.argwhere(back.array >= 0.5)).mean(axis=0)
    assert np.allclose(centre, prepared.grid.to_lps((11.5, 9.5, 9.5)), atol=1.1)


def test_it_is_kept_in_the_model_file():
    preparation = PriorPreparation((1.5, 0.8, 0.8), HU, "prior", 5.0)
    kept = describe_prior(preparation, prior_share=0.5, hull=True, atlas_sha256="a" * 64)
    again = TypeAdapter(PreparationFile).validate_json(kept.model_dump_json())
    assert isinstance(again, PriorFile)
    assert again.build() == preparation
    assert again.atlas_sha256 == "a" * 64
    for wrong in ({"prior_share": 1.0}, {"channels": "pet"}, {"atlas_sha256": "x"}):
        with pytest.raises(ValidationError):
            PriorFile.model_validate({**kept.model_dump(), **wrong})
    assert "HU -20 to 130 by 50 ± 20" in preparation.words

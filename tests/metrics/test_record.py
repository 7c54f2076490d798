"""What one case keeps, and strata with ignored instances."""

import numpy as np
import pytest

from nodewise.metrics.detection import count_detections
from nodewise.metrics.detections import component_hits
from nodewise.metrics.object_dice import object_dice
from nodewise.metrics.record import record_instances, restrict

SPACING = (1.0, 1.0, 1.0)


@pytest.fixture
def record(drawn):
    """Truths of 12 mm hit by 1, of 4 mm hit by 2, of 8 mm missed; predictions 4 (3 mm) and 5 (9 mm) hit none."""
    truth = drawn("1111..22..333")
    predicted = drawn(".11.4.2.55...")
    return record_instances(
        truth,
        predicted,
        SPACING,
        scores={1: 0.9, 2: 0.8, 4: 0.7, 5: 0.6},
        truth_size_mm={1: 12, 2: 4, 3: 8},
        predicted_size_mm={1: 6, 2: 2, 4: 3, 5: 9},
    )


def test_the_whole_case(record):
    assert record.score.tolist() == [0.9, 0.8, 0.7, 0.6]
    assert record.matches.covered == pytest.approx([2 / 4, 1 / 2, 0])
    assert object_dice(record) == pytest.approx((4 / 6 + 2 / 3 + 0) / 3)
    assert object_dice(record, only_hit=True) == pytest.approx((4 / 6 + 2 / 3) / 2)
    assert restrict(record, 0) is record


def test_truth_below_the_bound_is_neither_found_nor_missed_and_what_hits_it_is_not_false(record):
    above = restrict(record, 5)
    assert above.truth_ignored.tolist() == [False, True, False]
    assert above.predicted_ignored.tolist() == [False, True, False, False]
    hits = component_hits([above])
    assert hits.truth_score.tolist() == [0.9, -np.inf]
    assert hits.false_score.tolist() == [0.7, 0.6]
    assert object_dice(above) == pytest.approx(4 / 6 / 2)
    counts = count_detections(above)
    assert (counts.truths, counts.detected, counts.false_positives) == (2, 1, 2)


def test_small_predictions_that_hit_nothing_may_be_left_out(record):
    assert component_hits([restrict(record, 5, drop_small_unmatched=True)]).false_score.tolist() == [0.6]


def test_the_bound_itself_is_not_above_it(record):
    assert restrict(record, 12).truth_ignored.all()
    assert np.isnan(object_dice(restrict(record, 12)))


def test_a_stratum_needs_sizes(drawn):
    bare = record_instances(drawn("11.2"), drawn("..33"), SPACING)
    assert bare.score.tolist() == [1]
    with pytest.raises(ValueError, match="size of 2 instances of the truth"):
        restrict(bare, 5)


def test_scores_from_a_map_are_its_peaks(drawn):
    values = np.arange(6, dtype=np.float32).reshape(1, 6, 1)
    record = record_instances(drawn("......"), drawn("11.22."), SPACING, scores=values)
    assert record.score.tolist() == [1, 4]


@pytest.mark.parametrize(
    ("scores", "words"),
    [
        ({1: 0.5}, "prediction 2 has no finite score"),
        (np.zeros((1, 2, 1)), "do not match"),
        ({1: 1, 2: np.inf}, "no finite score"),
    ],
)
def test_every_prediction_needs_a_score(drawn, scores, words):
    with pytest.raises(ValueError, match=words):
        record_instances(drawn("..."), drawn("1.2"), SPACING, scores=scores)


def test_of_equal_dice_the_higher_score_finds_it(drawn):
    """P1's open point (c): two halves of one node, the second one surer."""
    record = record_instances(drawn("1111"), drawn("4.9."), SPACING, scores={4: 0.2, 9: 0.7})
    assert record.matches.best_prediction.tolist() == [9]
    assert component_hits([record]).truth_score.tolist() == [0.7]

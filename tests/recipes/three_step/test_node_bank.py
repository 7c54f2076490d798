from pathlib import Path

import numpy as np
import pytest

from nodewise.phantom.annotation import column_of
from nodewise.recipes.three_step.malignancy_drawn import apart
from nodewise.recipes.three_step.node_bank import CUBE, drawn_cases, load_case, node_bank
from nodewise.recipes.three_step.node_visits import scanned
from nodewise.recipes.three_step.station_cases import Labelled, PhantomCase
from nodewise.values.errors import BadInputError


@pytest.mark.slow
def test_a_bank_holds_patients_with_one_body_and_different_nodes(tmp_path):
    paths = node_bank(tmp_path, 2, 0, patients_a_body=2)
    times = [path.stat().st_mtime_ns for path in paths]
    first, second = map(load_case, paths)
    for case in (first, second):
        middle = case.nodes[
            :, CUBE // 2 - 8 : CUBE // 2 + 8, CUBE // 2 - 8 : CUBE // 2 + 8, CUBE // 2 - 8 : CUBE // 2 + 8
        ]
        assert (middle == 1).any(axis=(1, 2, 3)).all()
        assert (case.short_axis_mm > 1).all()
        ill = {column_of(s.code) for s, bad in zip(case.stations, case.malignant, strict=True) if bad}
        assert all(bad == (column in ill) for column, bad in case.histology.items())
    assert first.short_axis_mm.tolist() != second.short_axis_mm.tolist()
    assert node_bank(tmp_path, 2, 0, patients_a_body=2) == paths
    assert [path.stat().st_mtime_ns for path in paths] == times
    (again,) = drawn_cases(20_000_000, 1)  # the first patient is the one that the body's seed draws
    np.testing.assert_array_equal(again.nodes, first.nodes)
    hu = scanned(first.only([0, 1]), np.random.default_rng(0))
    assert hu.shape == (2, CUBE, CUBE, CUBE)
    assert -50 < hu[first.nodes[:2] == 1].mean() < 150
    case = PhantomCase.of(paths[0])
    which = Labelled.of(case).nodes[:1] or (0,)
    a, b, c = (case.cubes(which, (seed,)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(a, b)
    assert not np.array_equal(a[:, 0], c[:, 0])
    np.testing.assert_array_equal(a[:, 1], c[:, 1])


def test_a_file_that_is_no_patient_is_refused(tmp_path):
    (tmp_path / "x.npz").write_bytes(b"no")
    with pytest.raises(BadInputError, match="no drawn patient"):
        load_case(tmp_path / "x.npz")


def test_no_body_is_both_learned_from_and_held_out():
    bank = [Path(f"{body}-{n}.npz") for body in (20, 21, 22) for n in range(3) if (body, n) != (20, 1)]
    learned, others = apart(bank, 3)  # patients without nodes are no files: the border falls within a body
    assert [path.stem for path in learned] == ["20-0", "20-2", "21-0"]
    assert [path.stem for path in others] == ["22-0", "22-1", "22-2"]

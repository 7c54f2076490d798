import numpy as np

from nodewise.recipes.three_step import bank


def test_the_bank_keeps_what_it_has_and_draws_the_rest(tmp_path):
    told = []
    first = bank.phantom_bank(tmp_path, 1, 7, (6.0, 6.0, 6.0), processes=1, progress=told.append)
    names = [p.name for p in tmp_path.iterdir()]
    assert names == ["10700000.npz"]
    stamp = (tmp_path / names[0]).stat().st_mtime_ns
    both = bank.phantom_bank(tmp_path, 2, 7, (6.0, 6.0, 6.0), processes=1, progress=told.append)
    assert (tmp_path / names[0]).stat().st_mtime_ns == stamp
    assert told == [1, 2]
    assert np.array_equal(first[0].tissue, both[0].tissue)
    assert not np.array_equal(both[0].tissue.shape, both[1].tissue.shape) or (both[0].tissue != both[1].tissue).any()

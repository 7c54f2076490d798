from collections import Counter
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from nodewise.learn.smart_cache import SmartCache

SOURCES = ["full"] * 10 + ["partial"] * 30


def test_a_tenth_is_exchanged_at_every_epoch_and_every_case_has_its_turn():
    smart = SmartCache(kept=20)
    used = [smart.in_use(SOURCES, epoch, 0) for epoch in range(30)]
    assert all(len(one) == 20 for one in used)
    assert all(Counter(SOURCES[i] for i in one) == {"full": 5, "partial": 15} for one in used)
    assert all(len(set(a) - set(b)) == 3 for a, b in pairwise(used))  # 1 of 5 and 2 of 15
    assert set().union(*used) == set(range(40))
    assert used == [smart.in_use(SOURCES, epoch, 0) for epoch in range(30)]
    assert used[0] != smart.in_use(SOURCES, 0, 1)


def test_all_are_in_use_unless_fewer_are_asked_for():
    for kept in (0, 40, 99):
        assert SmartCache(kept).in_use(SOURCES, 5, 0) == tuple(range(40))


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=30), st.integers(1, 30), st.integers(0, 500))
def test_every_source_is_always_in_use_and_no_case_twice(sources, kept, epoch):
    used = SmartCache(kept).in_use(sources, epoch, 3)
    assert {sources[i] for i in used} == set(sources)
    assert len(set(used)) == len(used)

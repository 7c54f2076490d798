from collections import Counter
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from nodewise.learn.ahead import ahead
from nodewise.learn.augment import NNUNET, Augmentation
from nodewise.learn.augment_spatial import Spatial
from nodewise.learn.case_cache import Case, CaseFiles, cached
from nodewise.learn.loss import IGNORE
from nodewise.learn.patches import Patches, PatchPlan
from nodewise.values.errors import BadInputError

SHAPE = (40, 36, 20)


def _case(number, shape=SHAPE, foreground=True, arrays=1):
    """A case whose voxels tell where they are and whose second channel tells which case it is."""
    index = np.ravel_multi_index(np.indices(shape), shape).astype(np.float32)
    labels = np.zeros(shape, np.uint8)
    if foreground:
        labels[3:6, 3:6, 3:6], labels[30, 30, 15] = 1, 2
    image = np.stack([index, np.full(shape, number, np.float32)])
    return Case(image, (labels, *(labels + 10,) * (arrays - 1)), (1.0, 1.0, 2.0))


def _cached(folder, sources, **more):
    folder.mkdir(exist_ok=True)
    files = []
    for i, source in enumerate(sources):
        (folder / str(i)).write_text(f"{i}{sorted(more.items())}")
        files.append(CaseFiles(str(i), source, (folder / str(i),)))
    return cached(files, lambda f: _case(int(f.name), **more), "", folder / "cache")


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    """Three of source a, one of source b."""
    return _cached(tmp_path_factory.mktemp("cases"), "aaab")


def _case_of(image):
    return int(image[1].flat[0])


def _starts(patches, count):
    """Of each patch its case, its first voxel, and the labels in it."""
    for step in range(count):
        for number in range(patches.plan.batch):
            image, (labels,) = patches.draw(step, number)
            yield _case_of(image), np.unravel_index(int(image[0].flat[0]), SHAPE), labels


def test_a_patch_is_cut_out_of_a_case_as_it_is(cases):
    patches = Patches(cases, PatchPlan((16, 12, 8)))
    for step in range(20):
        image, (labels,) = patches.draw(step, 0)
        case = cases[_case_of(image)]
        start = np.unravel_index(int(image[0].flat[0]), SHAPE)
        box = tuple(slice(s, s + n) for s, n in zip(start, (16, 12, 8), strict=True))
        assert np.array_equal(image, case.image()[(slice(None), *box)])
        assert np.array_equal(labels, case.labels()[0][box])


def test_a_batch_is_a_pure_function_of_seed_and_step(cases):
    plan = PatchPlan((16, 12, 8), batch=3, augmentation=NNUNET, swaps=(None,))
    one, same, other = Patches(cases, plan, 1), Patches(cases, plan, 1), Patches(cases, plan, 2)
    seen = set()
    for step in (5, 0, 3):
        image, labels = one(step)
        assert (image.shape, image.dtype) == ((3, 2, 16, 12, 8), torch.float32)
        assert (labels.shape, labels.dtype) == ((3, 16, 12, 8), torch.uint8)
        again = same(step)
        assert torch.equal(image, again[0])
        assert torch.equal(labels, again[1])
        assert not torch.equal(image, other(step)[0])
        seen.add(image.numpy().tobytes())
    assert len(seen) == 3


@pytest.mark.parametrize("share", [0, 1 / 3, 1])
def test_a_share_of_patches_holds_foreground(cases, share):
    # one voxel of class 2 in 28800: hardly ever in a patch of 4x4x4 unless looked for
    patches = Patches(cases, PatchPlan((4, 4, 4), batch=4, foreground=share, off_centre=0.25))
    found = Counter()
    for _, _, labels in _starts(patches, 75):
        found.update(set(np.unique(labels).tolist()))
    assert found[2] / 300 == pytest.approx(share / 2, abs=0.07)  # classes 1 and 2 are equally likely
    assert found[1] / 300 == pytest.approx(share / 2, abs=0.07)


def test_every_batch_has_its_foreground(cases):
    patches = Patches(cases, PatchPlan((6, 6, 6), batch=6, foreground=1 / 3))
    for step in range(20):
        assert sum((patches.draw(step, n)[1][0] > 0).any() for n in range(6)) >= 2


def test_the_voxel_looked_for_lies_at_the_centre_unless_told(cases):
    for _, _, labels in _starts(Patches(cases, PatchPlan((5, 5, 5), foreground=1, off_centre=0)), 30):
        assert labels[2, 2, 2] in (1, 2)
    spread = set()
    for _, _, labels in _starts(Patches(cases, PatchPlan((9, 9, 9), foreground=1, off_centre=0.3)), 60):
        spread.update(map(tuple, np.argwhere(labels == 2)))
    assert np.ptp([s[0] for s in spread]) >= 4


def test_patches_elsewhere_reach_every_place_and_never_leave_a_case(cases):
    plan = PatchPlan((16, 12, 8), foreground=0, batch=4)
    starts = []
    for _, start, labels in _starts(Patches(cases, plan), 100):
        starts.append(start)
        assert not (labels == IGNORE).any()
    room = np.array(SHAPE) - plan.patch
    assert (np.min(starts, axis=0) <= 1).all()
    assert (np.max(starts, axis=0) >= room - 1).all()
    assert np.allclose(np.mean(starts, axis=0), room / 2, atol=room * 0.08)


def test_sources_get_their_shares_of_every_batch(cases):
    half = PatchPlan((4, 4, 4), batch=2, shares=(("a", 1), ("b", 1)))
    for step in range(12):
        assert sorted(c.source for c in _drawn(Patches(cases, half), step)) == ["a", "b"]
    uneven = Patches(cases, PatchPlan((4, 4, 4), batch=3, shares=(("a", 3), ("b", 1))))
    many = Counter(c.source for step in range(100) for c in _drawn(uneven, step))
    assert many["b"] / 300 == pytest.approx(0.25, abs=0.04)
    alike = Patches(cases, PatchPlan((4, 4, 4), batch=3))
    plain = Counter(c.name for step in range(100) for c in _drawn(alike, step))
    assert all(abs(n / 300 - 0.25) < 0.08 for n in plain.values())


def _drawn(patches, step):
    for number in range(patches.plan.batch):
        yield patches.cases[_case_of(patches.draw(step, number)[0])]


def test_foreground_and_source_are_independent(cases):
    plan = PatchPlan((4, 4, 4), batch=2, foreground=0.5, off_centre=0, shares=(("a", 1), ("b", 1)))
    together = Counter((c < 3, bool((labels > 0).any())) for c, _, labels in _starts(Patches(cases, plan), 120))
    assert together[True, True] / 120 == pytest.approx(0.5, abs=0.1)


def test_a_case_smaller_than_the_patch_is_padded_all_round(tmp_path):
    small = _cached(tmp_path, "a", shape=(6, 40, 4), foreground=False)
    image, labels = Patches(small, PatchPlan((10, 8, 8), foreground=1))(0)
    assert image.shape == (2, 2, 10, 8, 8)
    assert (labels[:, 2:8, :, 2:6] == 0).all()
    assert int((labels == IGNORE).sum()) == 2 * 8 * (10 * 8 - 6 * 4)
    assert torch.equal(image[:, :, 0], image[:, :, 2])


def test_several_label_arrays_stay_together_and_swap_each_by_its_table(tmp_path):
    table = np.arange(256, dtype=np.uint8)
    table[[11, 12]] = 12, 11
    augmentation = Augmentation(Spatial(flips=(1, 0, 0)))
    plan = PatchPlan((12, 12, 12), foreground=1, off_centre=0, augmentation=augmentation, swaps=(None, table))
    patches = Patches(_cached(tmp_path, "a", arrays=2), plan)
    _, labels = patches(0)
    assert labels.shape == (2, 2, 12, 12, 12)
    plain, sided = labels[:, 0], labels[:, 1]
    assert (sided[plain == 1] == 12).all()
    assert (sided[plain == 2] == 11).all()
    assert set(plain.unique().tolist()) & {1, 2}


def test_what_prepares_a_patch_sees_it_before_its_intensity_changes(cases):
    patches = Patches(cases, PatchPlan((4, 4, 4)), prepare=_half)
    plain = Patches(cases, PatchPlan((4, 4, 4)))
    assert torch.equal(patches(3)[0], plain(3)[0] / 2)


def _half(image):
    return image / 2


@dataclass
class _FailsAtStep7:
    batch: Patches

    def __call__(self, step):
        if step == 7:
            raise BadInputError("a scan is missing")
        return self.batch(step)


@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_workers_change_nothing_and_an_error_comes_in_its_turn_as_it_was_raised(cases, kind):
    patches = Patches(cases, PatchPlan((16, 12, 8), augmentation=NNUNET, swaps=(None,)), 3)
    state = torch.random.get_rng_state()
    made = ahead(_FailsAtStep7(patches), range(3, 10), 2, kind)  # a run may begin anywhere
    for a, b in ahead(patches, range(3, 7)):
        c, d = next(made)
        assert torch.equal(a, c)
        assert torch.equal(b, d)
    with pytest.raises(BadInputError, match=r"^a scan is missing$"):
        next(made)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_no_steps_no_batches():
    assert list(ahead(_half, range(0), 2, "processes")) == []


def test_flips_without_a_word_on_sides_are_refused(cases):
    with pytest.raises(ValueError, match="how its sides swap"):
        Patches(cases, PatchPlan((4, 4, 4), augmentation=NNUNET))
    Patches(cases, PatchPlan((4, 4, 4), augmentation=Augmentation(NNUNET.spatial.unmirrored())))


def test_a_plan_without_sense_is_refused(cases):
    with pytest.raises(BadInputError, match="no cases"):
        Patches((), PatchPlan((4, 4, 4)))
    with pytest.raises(BadInputError, match=r"come from \['a', 'b'\], shares are given for \['a', 'c'\]"):
        Patches(cases, PatchPlan((4, 4, 4), shares=(("a", 1), ("c", 1))))
    with pytest.raises(ValueError, match="2 axes"):
        Patches(cases, PatchPlan((4, 4)))
    for wrong in ({"patch": (0, 4, 4)}, {"foreground": 1.5}, {"shares": (("a", 0),)}, {"off_centre": 1}):
        with pytest.raises(ValueError, match=r"."):
            PatchPlan(**{"patch": (4, 4, 4)} | wrong)

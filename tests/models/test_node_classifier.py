import numpy as np
import pytest
import torch

from nodewise.models.calibration import Isotonic, Temperature
from nodewise.models.node_classifier import NodeClassifier
from nodewise.models.node_patch import NodePatchPreparation
from nodewise.nodes.describe import describe
from nodewise.values.box import Box
from nodewise.values.errors import BadInputError
from nodewise.values.grid import Grid
from nodewise.values.node import BULK, Node
from nodewise.values.study import Source, Study
from nodewise.values.volume import Quantity, Volume

SIZES = (4, 8, 6, 40)


@pytest.fixture
def study():
    grid = Grid.of((120, 60, 60), (1.0, 1.0, 1.0))
    return Study("s", Volume(np.full(grid.shape, 40, np.float32, order="F"), grid, Quantity.HU), Source(grid))


@pytest.fixture
def nodes():
    starts = ((5, 5, 5), (25, 20, 20), (45, 10, 30), (65, 10, 10))
    return [
        Node(n, Box(at, tuple(a + size for a in at)), np.ones((size,) * 3, bool, order="F"), 1.0)
        for n, (at, size) in enumerate(zip(starts, SIZES, strict=True), 1)
    ]


def _volume(patches):
    """Logit: how many of the mask's voxels, in hundreds."""
    return patches[:, 1].sum(dim=(1, 2, 3)) / 100


def _sizes(study, nodes):
    return [describe(node, study).size for node in nodes]


def test_too_little_memory_is_told_in_one_line(study, nodes):
    classify = NodeClassifier(lambda _patches: torch.empty(2**50, dtype=torch.uint8), NodePatchPreparation(), None)
    with pytest.raises(BadInputError, match="memory ran out on cpu: close other programs"):
        classify(study, nodes, _sizes(study, nodes))


def test_one_answer_a_node_in_order(study, nodes):
    classify = NodeClassifier(_volume, NodePatchPreparation(), Temperature(0.5, -1.0))
    found = classify(study, nodes[:3], _sizes(study, nodes[:3]))
    expected = [1 / (1 + np.exp(-(0.5 * n**3 / 100 - 1))) for n in SIZES[:3]]
    np.testing.assert_allclose([m.probability for m in found], expected, rtol=1e-5)
    assert {m.method for m in found} == {"network: CT around the node; calibrated on station histology"}


def test_chunks_change_nothing_and_none_is_none(study, nodes):
    whole, parts = (NodeClassifier(_volume, NodePatchPreparation(), None, chunk=n) for n in (64, 3))
    assert whole(study, nodes, _sizes(study, nodes)) == parts(study, nodes, _sizes(study, nodes))
    assert whole(study, [], []) == []
    assert whole.method.endswith("not calibrated")


def test_a_bulky_node_is_metastatic_where_the_switch_is_on(study, nodes):
    def benign(patches):
        return torch.full((len(patches), 1), -9.0)

    sizes = _sizes(study, nodes)
    on, off = (NodeClassifier(benign, NodePatchPreparation(), None, bulk=b)(study, nodes, sizes) for b in (True, False))
    assert (on[3].probability, on[3].method) == (1.0, BULK)
    assert on[:3] == off[:3]
    assert off[3].probability == on[3].before_bulk < 0.01
    assert [a.before_bulk for a in (*on[:3], *off)] == [None] * 7


def test_far_logits_stay_within_0_and_1(study, nodes):
    for calibration in (None, Temperature(3.0, 1.0), Isotonic((0.2, 0.8), (0.1, 0.9))):
        for far in (-1e4, 1e4):
            classify = NodeClassifier(
                lambda p, far=far: torch.full((len(p),), far), NodePatchPreparation(), calibration
            )
            (found,) = classify(study, nodes[:1], _sizes(study, nodes[:1]))
            assert found.probability == pytest.approx(0.9 if far > 0 else 0.1, abs=0.11)

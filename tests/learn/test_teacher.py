import numpy as np
import pytest
import torch
from torch import nn

from nodewise.learn.loss import IGNORE
from nodewise.learn.teacher import Student, _percentile, entropy, reliable_labels, reliable_percent


def _pair():
    torch.manual_seed(0)
    return Student(nn.Conv3d(1, 2, 1))


def _inputs(n=2):
    return {name: torch.randn(n, 1, 4, 4, 4) for name in ("image", "weak", "strong")}


def test_the_teacher_follows_by_the_running_average():
    pair, weight = _pair(), 0.0
    for step, value in enumerate((1.0, 2.0, 5.0)):
        with torch.no_grad():
            pair.student.bias.fill_(value)
        pair.train()(_inputs())
        decay = min(1 - 1 / (step + 1), 0.99)  # 0, then 1/2, then 2/3
        weight = decay * weight + (1 - decay) * value
        assert pair.teacher.bias[0].item() == pytest.approx(weight)
    assert not any(p.requires_grad for p in pair.teacher.parameters())
    assert not pair.teacher.training and pair.student.training


def test_each_sees_its_own_images_and_a_plain_question_goes_to_the_student():
    pair, x = _pair(), _inputs()
    labelled, unlabelled, taught = pair.train()(x)
    torch.testing.assert_close(labelled[0], pair.student(x["image"]))
    torch.testing.assert_close(unlabelled[0], pair.student(x["strong"]))
    torch.testing.assert_close(taught, pair.teacher(x["weak"]))
    assert not taught.requires_grad and labelled[0].requires_grad
    torch.testing.assert_close(pair.eval()(x["image"]), pair.student(x["image"]))


def test_entropy_is_torchs():
    logits = torch.randn(2, 3, 4, 4)
    expected = torch.distributions.Categorical(logits=logits.movedim(1, -1)).entropy()
    torch.testing.assert_close(entropy(logits), expected)


def test_the_least_sure_fifth_has_no_label():
    logits = torch.zeros(1, 2, 10)
    logits[0, 1] = torch.arange(10.0) - 4.5  # the middle ones are the least sure
    labels = reliable_labels(logits, 80.0, torch.ones(1, 10, dtype=torch.bool))
    assert labels[0].tolist() == [0, 0, 0, 0, IGNORE, IGNORE, 1, 1, 1, 1]
    everything = reliable_labels(logits, 100.0, torch.ones(1, 10, dtype=torch.bool))
    assert everything[0].tolist() == [0] * 5 + [1] * 5


def test_what_is_not_valid_has_no_label_and_no_say():
    logits = torch.zeros(1, 2, 10)
    logits[0, 1] = torch.arange(10.0) + 1
    valid = torch.arange(10)[None] >= 5
    labels = reliable_labels(logits, 80.0, valid)
    assert (labels[0, :5] == IGNORE).all()
    assert labels[0, 5:].tolist() == [IGNORE, 1, 1, 1, 1]
    assert (reliable_labels(logits, 80.0, torch.zeros(1, 10, dtype=torch.bool)) == IGNORE).all()


def test_the_percentile_is_numpys():
    values = torch.randn(1001)
    for percent in (0.0, 33.3, 80.0, 99.99):
        assert _percentile(values, percent).item() == pytest.approx(np.percentile(values, percent), abs=1e-5)


def test_the_share_rises_on_a_line():
    assert [reliable_percent(done) for done in (0, 0.5, 1, 2)] == [80, 90, 100, 100]

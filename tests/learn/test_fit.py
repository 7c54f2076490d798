import csv
import math
import os
import sys
from dataclasses import replace

import pytest
import torch
from torch import nn

from nodewise.learn.checkpoint import load_weights
from nodewise.learn.fit import FitPlan, fit
from nodewise.learn.loss import cross_entropy, deeply_supervised
from nodewise.learn.loss_bags import bag_loss
from nodewise.learn.network import NetworkPlan, build_network
from nodewise.learn.optimise import AdamW, Sgd
from nodewise.learn.schedule import Cosine, Poly
from nodewise.values.errors import BadInputError, MissingExtraError, NodewiseError

PLAN = FitPlan(steps=12, learning_rate=1e-2, validate_every=4, save_every=3, schedule=Cosine(warmup=2))


class Killed(Exception):
    pass


def _network():
    return nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Dropout(0.2), nn.Linear(8, 1))


def _batch(step):
    generator = torch.Generator().manual_seed(step)
    x = torch.randn(16, 3, generator=generator)
    return x, x.prod(dim=1, keepdim=True)


def _validate(network):
    x, y = _batch(10_000)
    return {"score": -nn.functional.mse_loss(network(x), y).item(), "other": 1.0}


def _train(out, plan=PLAN, kill_after=None, batch=_batch):
    torch.manual_seed(0)
    network = _network()

    def progress(now):
        if now.step == kill_after:
            raise Killed

    best = fit(network, batch, nn.functional.mse_loss, plan, out, validate=_validate, progress=progress)
    return network, best


def _same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def _rows(path):
    with path.open() as file:
        return [(r["step"], r["loss"], r["learning_rate"], r["validation"]) for r in csv.DictReader(file)]


@pytest.mark.parametrize("kill_after", [(1,), (3,), (5,), (8, 11)])
@pytest.mark.parametrize("workers", [0, 2])
def test_killed_and_resumed_equals_never_killed(tmp_path, kill_after, workers):
    plan = replace(PLAN, workers=workers)
    whole, best = _train(tmp_path / "whole", plan)
    for step in kill_after:
        with pytest.raises(Killed):
            _train(tmp_path / "killed", plan, kill_after=step)
    resumed, best_resumed = _train(tmp_path / "killed", plan)
    assert _same(whole.state_dict(), resumed.state_dict())
    assert _same(load_weights(best), load_weights(best_resumed))
    assert _rows(tmp_path / "whole/log.csv") == _rows(tmp_path / "killed/log.csv")


def test_it_learns(tmp_path):
    network = nn.Linear(3, 1)
    truth = torch.tensor([[1.0], [-2.0], [0.5]])

    def batch(step):
        x, _ = _batch(step)
        return x, x @ truth

    fit(
        network,
        batch,
        nn.functional.mse_loss,
        FitPlan(steps=300, learning_rate=0.1, optimiser=AdamW(weight_decay=0)),
        tmp_path,
    )
    assert torch.allclose(network.weight, truth.T, atol=0.01)
    assert torch.allclose(load_weights(tmp_path / "best.pt")["weight"], truth.T, atol=0.02)


def test_the_best_is_the_one_that_validates_best(tmp_path):
    scores = iter([0.1, 0.9, 0.5])
    network = nn.Linear(3, 1)
    best = fit(network, _batch, nn.functional.mse_loss, PLAN, tmp_path, validate=lambda _n: {"score": next(scores)})
    assert torch.load(best, weights_only=True)["step"] == 8
    assert torch.load(tmp_path / "last.pt", weights_only=True)["best"] == 0.9


def test_a_finished_run_is_left_alone(tmp_path):
    _, best = _train(tmp_path)
    before = best.stat().st_mtime_ns, (tmp_path / "log.csv").read_text()
    _train(tmp_path, batch=None)
    assert (best.stat().st_mtime_ns, (tmp_path / "log.csv").read_text()) == before


def test_a_stopped_run_may_be_ended_early(tmp_path):
    with pytest.raises(Killed):
        _train(tmp_path, replace(PLAN, steps=100, validate_every=200), kill_after=10)
    average = torch.load(tmp_path / "last.pt", weights_only=True)
    _, best = _train(tmp_path, replace(PLAN, steps=5))
    assert average["step"] == 9
    assert _same(load_weights(best), average["average"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"seed": 1}, "was begun with seed 0, not 1"),
        ({"optimiser": Sgd()}, r"was begun with optimiser AdamW\(.*\), not Sgd\("),
        (
            {"schedule": Poly()},
            r"was begun with schedule Cosine\(.*\), not Poly\(power=0.9\): use that or another folder",
        ),
        ({"learning_rate": 0.5}, "was begun with learning rate 0.01, not 0.5"),
        ({"accumulate": 2}, "was begun with batches a step 1, not 2"),
        ({"identity": "rule any"}, "was begun with method rule paper, not rule any: use that or another folder"),
        ({"identity": ""}, "was begun with method rule paper, not none"),
    ],
)
def test_other_settings_in_the_same_folder_are_refused(tmp_path, change, words):
    _train(tmp_path, replace(PLAN, steps=1, identity="rule paper"))
    with pytest.raises(BadInputError, match=words):
        _train(tmp_path, replace(PLAN, **{"identity": "rule paper"} | change))


def test_a_run_that_did_not_say_its_method_is_another(tmp_path):
    _train(tmp_path, replace(PLAN, steps=1))
    with pytest.raises(BadInputError, match="was begun with method none, not rule any"):
        _train(tmp_path, replace(PLAN, identity="rule any"))


class Harmful:
    def __reduce__(self):
        return os.mkdir, ("made",)


@pytest.mark.parametrize("name", ["last.pt", "best.pt"])
@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-900]), "is damaged, or holds more than .*: put back a copy"),
        (lambda path: path.write_bytes(b""), "is damaged"),
        (lambda path: torch.save({"network": Harmful()}, path), "is damaged, or holds more than weights and numbers"),
        (lambda path: torch.save([1, 2], path), "is no checkpoint of a training run: train into another folder"),
    ],
)
def test_a_damaged_checkpoint_is_one_line(tmp_path, monkeypatch, name, damage, words):
    monkeypatch.chdir(tmp_path)
    _train(tmp_path, replace(PLAN, steps=1))
    damage(tmp_path / name)
    with pytest.raises(BadInputError, match=f"{name} {words}"):
        _train(tmp_path) if name == "last.pt" else load_weights(tmp_path / name)
    assert not (tmp_path / "made").exists()


def test_another_network_in_the_same_folder_is_refused(tmp_path):
    _train(tmp_path, replace(PLAN, steps=1))
    with pytest.raises(BadInputError, match="another network"):
        fit(nn.Linear(3, 1), _batch, nn.functional.mse_loss, PLAN, tmp_path)


def test_a_run_may_go_on_for_longer_and_otherwise_checked_and_saved(tmp_path):
    _train(tmp_path, PLAN)
    _train(tmp_path, replace(PLAN, steps=15, validate_every=2, save_every=1, workers=0))
    assert len(_rows(tmp_path / "log.csv")) == 15


@pytest.mark.parametrize("part", ["loss", "gradient"])
def test_what_is_not_finite_stops_training_and_spares_the_checkpoints(tmp_path, part):
    network = nn.Linear(3, 1)

    def loss(y, target):
        if not (target > 0).all():
            return nn.functional.mse_loss(y, target)
        return y.sum() * math.nan if part == "loss" else (y - y.detach()).clamp(min=0).sqrt().sum()

    def batch(step):
        x, _ = _batch(step)
        return x, torch.full((16, 1), float(step == 8))

    with pytest.raises(NodewiseError, match=f"the {part} is nan at step 8: .* rate below 0.01; .* keeps what was good"):
        fit(network, batch, loss, PLAN, tmp_path, validate=lambda n: {"score": n.weight.sum().item()})
    assert torch.load(tmp_path / "last.pt", weights_only=True)["step"] == 6
    for name in ("last.pt", "best.pt"):
        assert all(w.isfinite().all() for w in load_weights(tmp_path / name).values())


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes."),
        torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB."),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
        MemoryError(),
    ],
)
def test_memory_that_runs_out_is_said_in_plain_words(tmp_path, error):
    def loss(_y, _t):
        raise error

    with pytest.raises(BadInputError, match="memory ran out on cpu: train with a smaller batch or patch"):
        fit(nn.Linear(3, 1), _batch, loss, PLAN, tmp_path)


def test_a_tensor_too_large_for_this_machine_is_said_in_plain_words(tmp_path):
    def loss(y, _t):
        return torch.cat((y.flatten(), torch.empty(1 << 50))).sum()

    with pytest.raises(BadInputError, match="memory ran out on cpu"):
        fit(nn.Linear(3, 1), _batch, loss, PLAN, tmp_path)


def test_accumulated_batches_make_the_step_of_one_large_batch(tmp_path):
    def large(step):
        pairs = [_batch(n) for n in (2 * step, 2 * step + 1)]
        return tuple(map(torch.cat, zip(*pairs, strict=True)))

    ends = []
    for batch, accumulate in ((large, 1), (_batch, 2)):
        torch.manual_seed(0)
        network = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1))
        plan = replace(PLAN, accumulate=accumulate)
        fit(network, batch, nn.functional.mse_loss, plan, tmp_path / str(accumulate))
        ends.append(network.state_dict())
    for name, weight in ends[0].items():
        torch.testing.assert_close(ends[1][name], weight)


def test_batches_of_any_length_with_targets_of_any_shape(tmp_path):
    def case(number):  # all instances of a case, and the labels of the bags they lie in
        generator = torch.Generator().manual_seed(number)
        instances = number % 4
        x = torch.randn(instances, 3, generator=generator)
        return x, {"bags": torch.arange(instances) % 2, "labels": torch.tensor([0, 1])}

    def loss(logits, target):
        return bag_loss(logits[:, 0], target["bags"], target["labels"], positive_weight=2)

    fit(nn.Linear(3, 1), case, loss, PLAN, tmp_path)
    losses = [float(row[1]) for row in _rows(tmp_path / "log.csv")]
    assert losses[0] == losses[4] == 0  # a case without instances
    assert losses[1] > 0


def test_a_list_of_outputs_is_the_business_of_the_loss(tmp_path):
    plan = NetworkPlan(1, (2,), channels=(4, 8, 8), blocks=(1, 1, 1), deep_supervision=True, auxiliary=3)
    x = torch.rand(1, 1, 8, 8, 8)
    scales = deeply_supervised(cross_entropy)

    def loss(outputs, target):
        *finest_first, auxiliary = outputs
        return scales(finest_first, target["node"]) + cross_entropy(auxiliary, target["tissue"])

    target = {"node": (x[:, 0] > 0.5).to(torch.uint8), "tissue": (x[:, 0] * 3).to(torch.uint8)}
    fit(build_network(plan, 0), lambda _n: (x, target), loss, replace(PLAN, steps=2), tmp_path)
    assert all(math.isfinite(float(row[1])) for row in _rows(tmp_path / "log.csv"))


def test_without_tensorboard_one_line_says_so(tmp_path, monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    _train(tmp_path)
    assert [r.message for r in caplog.records if "TensorBoard" in r.message] == [
        f"no curves in {tmp_path / 'board'}: TensorBoard is missing, pip install 'nodewise[train]'"
    ]
    assert not (tmp_path / "board").exists()
    assert len(_rows(tmp_path / "log.csv")) == 12


def test_progress_counts_down(tmp_path):
    told = []
    fit(nn.Linear(3, 1), _batch, nn.functional.mse_loss, PLAN, tmp_path, validate=_validate, progress=told.append)
    assert [now.step for now in told] == list(range(1, 13))
    assert {now.steps for now in told} == {12}
    assert told[-1].seconds_left == 0
    assert all(now.seconds_left > 0 for now in told[:-1])
    assert [now.step for now in told if now.validation] == [4, 8, 12]


def test_an_error_in_a_batch_reaches_the_caller(tmp_path):
    def batch(step):
        if step == 4:
            raise OSError("disk gone")
        return _batch(step)

    with pytest.raises(OSError, match="disk gone"):
        _train(tmp_path, batch=batch)


def test_without_fabric_one_line_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "lightning_fabric", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'nodewise\[train\]'"):
        fit(nn.Linear(3, 1), _batch, nn.functional.mse_loss, PLAN, tmp_path)


def test_unet_weights_keep_their_layout_through_a_resume(tmp_path):
    plan = NetworkPlan(1, (2,), channels=(4, 8), blocks=(1, 1))
    network = build_network(plan, 0)
    x = torch.rand(1, 1, 8, 8, 8)
    fit(
        network,
        lambda _t: (x, (x[:, 0] > 0.5).long()),
        nn.functional.cross_entropy,
        FitPlan(steps=2, learning_rate=1e-3, save_every=1),
        tmp_path,
    )
    again = build_network(plan, 1)
    again.load_state_dict(load_weights(tmp_path / "best.pt"))
    assert again.encoder.stages[1].blocks[0].conv1.conv.weight.is_contiguous(memory_format=torch.channels_last_3d)

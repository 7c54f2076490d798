import csv
import math
import os
import signal
import subprocess
import sys
import textwrap

import pytest
import torch
from torch import nn

from nodewise.learn import fit as fitting
from nodewise.learn.checkpoint import load_weights
from nodewise.learn.first_network import NetworkPlan, build_network
from nodewise.learn.fit import FitPlan, fit
from nodewise.learn.optimise import AdamW
from nodewise.learn.schedule import Cosine
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
    plan = FitPlan(**{f: getattr(PLAN, f) for f in PLAN.__slots__} | {"workers": workers})
    whole, best = _train(tmp_path / "whole", plan)
    for step in kill_after:
        with pytest.raises(Killed):
            _train(tmp_path / "killed", plan, kill_after=step)
    resumed, best_resumed = _train(tmp_path / "killed", plan)
    assert _same(whole.state_dict(), resumed.state_dict())
    assert _same(load_weights(best), load_weights(best_resumed))
    assert _rows(tmp_path / "whole/log.csv") == _rows(tmp_path / "killed/log.csv")


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_a_unet_killed_with_sigkill_resumes_bit_for_bit(tmp_path, precision):
    script = tmp_path / "run.py"
    script.write_text(
        textwrap.dedent(f"""
        import os, signal, sys
        from pathlib import Path
        import torch
        from nodewise.learn.fit import FitPlan, fit
        from nodewise.learn.first_network import NetworkPlan, build_network

        torch.set_num_threads(1)
        out, kill_at = Path(sys.argv[1]), int(sys.argv[2])

        def batch(step):
            g = torch.Generator().manual_seed(step)
            x = torch.rand(1, 1, 8, 8, 6, generator=g)
            return x, (x[:, 0] > 0.5).long()

        def progress(now):
            if now.step == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

        network = build_network(NetworkPlan(1, 2, channels=(4, 8), blocks=(1, 1)), seed=1)
        plan = FitPlan(steps=6, learning_rate=1e-2, save_every=2, precision="{precision}")
        fit(network, batch, torch.nn.functional.cross_entropy, plan, out, progress=progress)
        """)
    )
    ends = [
        subprocess.run([sys.executable, str(script), str(tmp_path / out), kill], check=False, capture_output=True)
        for out, kill in (("whole", "0"), ("killed", "5"), ("killed", "0"))
    ]
    assert [e.returncode for e in ends] == [0, -signal.SIGKILL, 0], ends[-1].stderr
    states = [torch.load(tmp_path / out / "last.pt", weights_only=True) for out in ("whole", "killed")]
    assert states[0]["step"] == states[1]["step"] == 6
    for part in ("network", "average"):
        assert _same(states[0][part], states[1][part])


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


def test_learning_rate_rises_then_falls_to_one_per_cent():
    plan = FitPlan(steps=1000, learning_rate=1.0, schedule=Cosine(warmup=9))
    rates = [plan.rate(t) for t in range(1000)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[500] == pytest.approx(0.505, abs=1e-3)
    assert rates[-1] == pytest.approx(0.01, abs=1e-4)
    assert max(rates) == rates[8] or max(rates) == rates[9]


def test_a_finished_run_is_left_alone(tmp_path):
    _, best = _train(tmp_path)
    before = best.stat().st_mtime_ns, (tmp_path / "log.csv").read_text()
    _train(tmp_path, batch=None)
    assert (best.stat().st_mtime_ns, (tmp_path / "log.csv").read_text()) == before


def test_a_stopped_run_may_be_ended_early(tmp_path):
    with pytest.raises(Killed):
        _train(tmp_path, FitPlan(steps=100, learning_rate=1e-2, save_every=3), kill_after=10)
    average = torch.load(tmp_path / "last.pt", weights_only=True)
    _, best = _train(tmp_path, FitPlan(steps=5, learning_rate=1e-2, save_every=3))
    assert average["step"] == 9
    assert _same(load_weights(best), average["average"])


def test_another_seed_or_network_in_the_same_folder_is_refused(tmp_path):
    _train(tmp_path)
    with pytest.raises(BadInputError, match="seed 0, not 1"):
        _train(tmp_path, FitPlan(steps=12, learning_rate=1e-2, seed=1))
    with pytest.raises(BadInputError, match="another network"):
        fit(nn.Linear(3, 1), _batch, nn.functional.mse_loss, PLAN, tmp_path)


def test_a_loss_that_is_not_finite_stops_training(tmp_path):
    with pytest.raises(NodewiseError, match="loss is nan at step 0"):
        fit(nn.Linear(3, 1), _batch, lambda y, _t: y.sum() * math.nan, PLAN, tmp_path)


def test_memory_that_runs_out_is_said_in_plain_words(tmp_path):
    def loss(_y, _t):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes.")

    with pytest.raises(BadInputError, match="memory ran out on cpu: train with a smaller batch or patch"):
        fit(nn.Linear(3, 1), _batch, loss, PLAN, tmp_path)


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


def test_a_checkpoint_with_code_in_it_is_not_opened(tmp_path):
    class Evil:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "owned"),))

    torch.save({"network": Evil()}, tmp_path / "best.pt")
    with pytest.raises(Exception, match=r"weights_only|Unsupported"):
        load_weights(tmp_path / "best.pt")
    assert not (tmp_path / "owned").exists()


def test_batches_made_ahead_come_in_order():
    pairs = fitting._ahead(lambda step: (torch.tensor(step), torch.tensor(0)), range(3, 30), workers=3)
    assert [int(x) for x, _ in pairs] == list(range(3, 30))


def test_unet_weights_keep_their_layout_through_a_resume(tmp_path):
    plan = NetworkPlan(1, 2, channels=(4, 8), blocks=(1, 1))
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
    assert again.encoder[1][0].conv1.weight.is_contiguous(memory_format=torch.channels_last_3d)

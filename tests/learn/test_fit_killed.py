"""A run killed by SIGKILL, anywhere, and started again ends as one that was never killed."""

import csv
import json
import subprocess
import sys

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

# One process imports everything; each run is a fork of it, killed from outside or by itself.
DRIVER = """
import itertools, json, os, random, signal, sys, time
from pathlib import Path
import torch
torch.set_num_threads(1)
import lightning_fabric, torch.utils.tensorboard
from nodewise.learn import board, checkpoint
from nodewise.learn.fit import FitPlan, fit
from nodewise.learn.network import NetworkPlan, build_network
from nodewise.learn.optimise import AdamW, Sgd

ROOT = Path(sys.argv[1])

def small(step):
    g = torch.Generator().manual_seed(step)
    x = torch.randn(8, 3, generator=g)
    return x, {"product": x.prod(dim=1, keepdim=True)}

def train_small(out, kill_at=0):
    calls = itertools.count(1)
    def deadly(function):
        def call(*args, **kwargs):
            if next(calls) == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*args, **kwargs)
        return call
    if kill_at:
        os.fsync, torch.save, Path.replace = map(deadly, (os.fsync, torch.save, Path.replace))
        board.Board.write = deadly(board.Board.write)
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Dropout(0.2), torch.nn.Linear(4, 1)
    )
    loss = lambda y, t: torch.nn.functional.mse_loss(y, t["product"])
    def validate(n):
        x, t = small(10_000)
        return {"score": -loss(n(x), t).item()}
    pictures = lambda n: {"weights": torch.sigmoid(n[0].weight).numpy()}
    plan = FitPlan(5, 1e-2, AdamW(), accumulate=2, validate_every=3, save_every=2)
    fit(net, small, loss, plan, out, validate=validate, pictures=pictures)

def volume(step):
    g = torch.Generator().manual_seed(step)
    x = torch.rand(1, 1, 8, 8, 8, generator=g)
    return x, (x[:, 0] > 0.5).long()

def train_unet(out, precision="bf16-mixed"):
    net = build_network(NetworkPlan(1, (2,), channels=(4, 8), blocks=(1, 1)), seed=1)
    plan = FitPlan(24, 1e-2, Sgd(momentum=0.9), validate_every=7, save_every=2, precision=precision)
    validate = lambda n: {"mean": n(volume(1)[0]).mean().item()}
    fit(net, volume, torch.nn.functional.cross_entropy, plan, out, validate=validate)

def rows(out):
    log = out / "log.csv"
    return log.read_bytes().count(10) if log.exists() else 0

def forked(work, out=None, until=0, then=0.0):
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    if out is not None:
        while rows(out) < until and not os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            time.sleep(0.001)
        time.sleep(then)
        os.kill(pid, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

ends = {"points": [], "moments": {}}
assert forked(lambda: train_small(ROOT / "small")) == 0
for point in itertools.count(1):
    out = ROOT / f"point{point}"
    first = forked(lambda: train_small(out, point))
    if first == 0:
        break
    ends["points"].append((first, forked(lambda: train_small(out))))
for precision in ("32-true", "bf16-mixed"):
    assert forked(lambda: train_unet(ROOT / precision, precision)) == 0
    rng, out = random.Random(precision), ROOT / f"{precision}-killed"
    codes = [
        forked(lambda: train_unet(out, precision), out, until, rng.uniform(0, 0.02))
        for until in (rng.randrange(3, 8), rng.randrange(8, 14), rng.randrange(14, 20))
    ]
    ends["moments"][precision] = [*codes, forked(lambda: train_unet(out, precision))]
(ROOT / "ends.json").write_text(json.dumps(ends))
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    root = tmp_path_factory.mktemp("runs")
    script = root / "driver.py"
    script.write_text(DRIVER)
    done = subprocess.run([sys.executable, str(script), str(root)], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return root


def _equal(a, b):
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(_equal(a[k], b[k]) for k in a if k != "seconds")
    if isinstance(a, list):
        return len(a) == len(b) and all(map(_equal, a, b))
    return torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b


def _rows(out):
    with (out / "log.csv").open(newline="") as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]


def _assert_same_run(one, other):
    for name in ("last.pt", "best.pt"):
        assert _equal(*(torch.load(out / name, weights_only=True) for out in (one, other))), (other, name)
    assert _rows(one) == _rows(other)


def _curves(out):
    events = EventAccumulator(str(out / "board"), {"scalars": 0, "images": 0}).Reload()
    scalars = {name: [(e.step, e.value) for e in events.Scalars(name)] for name in events.Tags()["scalars"]}
    return scalars, {name: [e.step for e in events.Images(name)] for name in events.Tags()["images"]}


def test_killed_before_and_after_each_write(runs):
    ends = json.loads((runs / "ends.json").read_text())["points"]
    # 5 rows; 3 last.pt and 1 or 2 best.pt, each saved, synced and renamed; the log cut once and synced 3 times
    assert len(ends) >= 5 + 3 * (3 + 1) + 1 + 3
    for point, (killed, resumed) in enumerate(ends, 1):
        assert (killed, resumed) == (-9, 0), point
        _assert_same_run(runs / "small", runs / f"point{point}")


def test_curves_and_pictures_are_there_once(runs):
    scalars, images = _curves(runs / "small")
    rows = _rows(runs / "small")
    assert [step for step, _ in scalars["loss"]] == list(range(1, 6))
    assert [value for _, value in scalars["loss"]] == pytest.approx([float(row["loss"]) for row in rows], rel=1e-5)
    assert [step for step, _ in scalars["validation/score"]] == [3, 5]
    assert images == {"weights": [3, 5]}
    for point in (5, 12, 20):
        assert _curves(runs / f"point{point}") == (scalars, images)


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_killed_at_random_moments(runs, precision):
    assert json.loads((runs / "ends.json").read_text())["moments"][precision] == [-9, -9, -9, 0]
    _assert_same_run(runs / precision, runs / f"{precision}-killed")

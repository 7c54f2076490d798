"""Two processes on a CPU, each with its own batches."""

import csv
import json
import subprocess
import sys

import pytest
import torch
from torch.multiprocessing.spawn import ProcessExitedException, ProcessRaisedException

from nodewise.learn import launch
from nodewise.learn.checkpoint import load_weights
from nodewise.learn.device import check_count
from nodewise.learn.fit import FitPlan, fit
from nodewise.values.errors import BadInputError, NodewiseError

SCRIPT = """
import json, sys
from dataclasses import replace
from pathlib import Path
import torch
from torch import nn
from nodewise.learn.fit import FitPlan, fit

def batch(number):
    x = torch.randn(16, 3, generator=torch.Generator().manual_seed(number))
    return x, x.prod(dim=1, keepdim=True)

def validate(network):
    x, y = batch(1000)
    return {"score": -nn.functional.mse_loss(network(x), y).item()}

def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1))

if __name__ == "__main__":
    root, loss, told = Path(sys.argv[1]), nn.functional.mse_loss, []
    plan = FitPlan(6, 1e-2, validate_every=3, save_every=2)
    fit(network(), batch, loss, replace(plan, accumulate=2), root / "one", validate=validate)
    two = network()
    tell = lambda now: told.append(now.step)  # cannot be pickled, and stays here
    fit(two, batch, loss, replace(plan, devices=2), root / "two", validate=validate, progress=tell)
    torch.save(two.state_dict(), root / "trained.pt")
    (root / "told.json").write_text(json.dumps(told))
"""


@pytest.mark.slow
def test_two_devices_equal_one_that_accumulates_two_batches(tmp_path):
    (tmp_path / "run.py").write_text(SCRIPT)
    command = [sys.executable, str(tmp_path / "run.py"), str(tmp_path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    for name in ("last.pt", "best.pt"):
        one, two = (load_weights(tmp_path / kind / name) for kind in ("one", "two"))
        for key, weight in one.items():
            torch.testing.assert_close(two[key], weight)
    trained = torch.load(tmp_path / "trained.pt", weights_only=True)
    assert all(torch.equal(trained[key], weight) for key, weight in load_weights(tmp_path / "two/last.pt").items())
    losses = []
    for kind in ("one", "two"):
        with (tmp_path / kind / "log.csv").open(newline="") as file:
            losses.append([float(row["loss"]) for row in csv.DictReader(file)])
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    assert json.loads((tmp_path / "told.json").read_text()) == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("kind", [BadInputError, NodewiseError])
def test_errors_of_ours_come_back_from_other_processes(kind):
    traceback = (
        f"\n\n-- Process 1 terminated with the following error:\n{kind.__module__}.{kind.__name__}: a line: of it\n"
    )
    with pytest.raises(kind, match="^a line: of it$"), launch._words_of_processes():
        raise ProcessRaisedException(traceback, 1, 100)
    with pytest.raises(ProcessRaisedException), launch._words_of_processes():
        raise ProcessRaisedException("OSError: disk gone", 1, 100)
    with pytest.raises(NodewiseError, match="SIGKILL"), launch._words_of_processes():
        raise ProcessExitedException("killed", 1, 100, exit_code=-9, signal_name="SIGKILL")


def test_functions_that_cannot_be_sent_to_other_processes_are_named(tmp_path):
    plan = FitPlan(1, 1e-2, devices=2)
    with pytest.raises(TypeError, match="training on several devices needs functions of a module"):
        fit(torch.nn.Linear(3, 1), lambda n: n, torch.nn.functional.mse_loss, plan, tmp_path)


def test_more_devices_than_there_are_are_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    check_count("cuda", 2)
    check_count("cpu", 4)
    check_count("mps", 1)
    for device, count, there in (("cuda", 3, 2), ("cuda:1", 2, 1), ("mps", 2, 1), ("cpu", 0, 0)):
        with pytest.raises(BadInputError, match=f"cannot train on {count} devices with {device}: it gives {there}"):
            check_count(device, count)

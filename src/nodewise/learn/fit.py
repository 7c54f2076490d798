"""The training loop: it takes functions and knows nothing of images.

Every batch is a pure function of its number, torch's generator is seeded from that number, and the checkpoint holds
everything else. So a run that was killed and started again ends with the very numbers of one that was not.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy.typing as npt
import torch
from torch import Tensor, nn

from nodewise.learn.ahead import ahead
from nodewise.learn.board import Board, Entry
from nodewise.learn.checkpoint import load_weights, restore, save
from nodewise.learn.device import Precision, memory_in_plain_words, training_precision
from nodewise.learn.launch import launch, make_fabric
from nodewise.learn.optimise import AdamW, Optimiser, make_optimiser
from nodewise.learn.schedule import Cosine, Schedule
from nodewise.values.errors import NodewiseError

Batch = Callable[[int], tuple[Any, Any]]
Loss = Callable[[Any, Any], Tensor]
Validate = Callable[[nn.Module], Mapping[str, float]]
Pictures = Callable[[nn.Module], Mapping[str, npt.NDArray[Any]]]


@dataclass(frozen=True, slots=True)
class FitPlan:
    """How long and how to train.

    Attributes:
        steps: in all; a resumed run may be given another number, and the learning rate then follows that.
        learning_rate: what ``schedule`` multiplies.
        clip: largest norm of the gradient; ``math.inf`` for any.
        average: decay of the running average of the weights, which is validated and kept; 0 for the weights themselves.
        accumulate: batches whose gradients are averaged in a step, on each device.
        validate_every: so many steps, and at the end. save_every: so many steps, and at the end.
        device: cpu, cuda, cuda:1, mps. devices: how many of them, each with its own batches.
        precision: as Lightning Fabric names it, or ``auto`` for mixed bfloat16 where it is quick.
        workers: threads that make batches ahead; 0 for none. The result does not depend on it.
        identity: what else makes it the same run, in few words, such as how images are prepared; empty says nothing.
    """

    steps: int
    learning_rate: float
    optimiser: Optimiser = field(default_factory=AdamW)
    schedule: Schedule = field(default_factory=Cosine)
    clip: float = 5.0
    average: float = 0.99
    accumulate: int = 1
    validate_every: int = 200
    save_every: int = 20
    seed: int = 0
    device: str = "cpu"
    devices: int = 1
    precision: Precision | Literal["auto"] = "32-true"
    workers: int = 1
    identity: str = ""

    def rate(self, step: int) -> float:
        """Learning rate of a step, counted from 0."""
        return self.learning_rate * self.schedule.factor(step, self.steps)

    def batches(self, start: int, rank: int) -> range:
        """Numbers of the batches that device ``rank`` sees from step ``start`` on, ``accumulate`` a step."""
        a_step = self.accumulate * self.devices
        return range(start * a_step + rank, self.steps * a_step, self.devices)

    def settings(self) -> dict[str, str]:
        """What cannot change within a run."""
        return {
            "seed": str(self.seed),
            "optimiser": str(self.optimiser),
            "learning rate": f"{self.learning_rate:g}",
            "schedule": str(self.schedule),
            "clip": f"{self.clip:g}",
            "average": f"{self.average:g}",
            "batches a step": str(self.accumulate * self.devices),
            "method": self.identity,
        }


@dataclass(frozen=True, slots=True)
class Progress:
    """Where training is after ``step`` steps; ``validation`` is empty where none was made at this step."""

    step: int
    steps: int
    loss: float
    seconds_left: float
    validation: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class _Job:
    batch: Batch
    loss: Loss
    plan: FitPlan
    out: Path
    validate: Validate | None
    pictures: Pictures | None


def fit(
    network: nn.Module,
    batch: Batch,
    loss: Loss,
    plan: FitPlan,
    out: Path,
    *,
    validate: Validate | None = None,
    pictures: Pictures | None = None,
    progress: Callable[[Progress], None] = lambda _now: None,
) -> Path:
    """Train ``network`` in place and keep the averaged weights that validate best.

    Args:
        network: with its initial weights; it ends on the (first) device.
        batch: (input, target) by number, tensors or tuples and dictionaries of them, of any length; it must depend on
            the number alone. Step t on k devices × accumulated batches has those numbered k t to k t + k − 1.
        loss: of the network's output, whatever that is, and the target; its mean over a step's batches is minimised.
        plan: see ``FitPlan``.
        out: folder for ``last.pt``, ``best.pt``, ``log.csv`` and ``board``, TensorBoard's; training goes on from
            ``last.pt`` where there is one.
        validate: measures of a network, the first one to be maximised; without it the last average is the best.
        pictures: of a network, by name, made with each validation: (H, W) or (H, W, 3), uint8 or floats of 0 to 1.
        progress: told after every step.

    Returns:
        The file of the best weights, for ``load_weights``.

    Raises:
        MissingExtraError: Lightning Fabric is not installed.
        BadInputError: ``out`` belongs to another network or other settings, there are not so many devices, or memory
            does not suffice.
        NodewiseError: the loss is not finite; the checkpoints are those of before.
        TypeError: on several devices, a function that cannot be sent to another process.
    """
    job = _Job(batch, loss, plan, out, validate, pictures)
    precision = training_precision(plan.device) if plan.precision == "auto" else plan.precision
    with memory_in_plain_words(plan.device, "train with a smaller batch or patch"):
        launch(make_fabric(plan.device, plan.devices, precision), functools.partial(_train, job), network, progress)
    if plan.devices > 1:
        network.to(plan.device).load_state_dict(load_weights(out / "last.pt"))
    return out / "best.pt"


def _train(job: _Job, fabric: Any, network: nn.Module, progress: Callable[[Progress], None]) -> None:
    plan, out = job.plan, job.out
    out.mkdir(parents=True, exist_ok=True)
    average = fabric.to_device(copy.deepcopy(network).eval().requires_grad_(False))
    weights = make_optimiser(plan.optimiser, network.parameters(), plan.learning_rate)
    wrapped, optimiser = fabric.setup(network, weights)
    parts = {"network": network, "average": average, "optimizer": optimiser}
    before = restore(out / "last.pt", parts, plan.settings())
    best, began, steps = before.best, time.perf_counter(), range(before.step, plan.steps)
    batches = ahead(job.batch, plan.batches(before.step, fabric.global_rank), plan.workers)
    records: contextlib.AbstractContextManager[Board | None] = contextlib.nullcontext()
    if steps and fabric.is_global_zero:
        records = Board(out, before.step)
    with contextlib.closing(batches), records as board:
        for step in steps:
            loss, gradient = _update(fabric, wrapped, optimiser, job, batches, step)
            _follow(average, network, min(plan.average, (1 + step) / (10 + step)))
            if board is None:
                continue  # the first process keeps the records
            done, last = step + 1, step + 1 == plan.steps
            measures: Mapping[str, float] = {}
            if done % plan.validate_every == 0 or last:
                with torch.inference_mode(), fabric.autocast():
                    measures = job.validate(average) if job.validate else {}
                    board.show(job.pictures(average) if job.pictures else {}, done)
            score = next(iter(measures.values()), -math.inf)
            if score > best or (last and job.validate is None):
                best = max(score, best)
                save({"network": average.state_dict(), "step": done, "score": score}, out / "best.pt")
            spent = time.perf_counter() - began
            seconds = before.seconds + spent
            board.write(Entry(done, loss, plan.rate(step), gradient, seconds, measures))
            if done % plan.save_every == 0 or last:
                board.keep()
                state = {name: part.state_dict() for name, part in parts.items()}
                numbers = {"step": done, "best": best, "seconds": seconds, "settings": plan.settings()}
                save(state | numbers, out / "last.pt")
            left = spent / (done - before.step) * (plan.steps - done)
            progress(Progress(done, plan.steps, loss, left, measures))
    if fabric.is_global_zero and not (out / "best.pt").exists():
        save({"network": average.state_dict(), "step": max(before.step, plan.steps), "score": best}, out / "best.pt")


def _update(
    fabric: Any, network: Any, optimiser: Any, job: _Job, batches: Iterator[tuple[Any, Any]], step: int
) -> tuple[float, float]:
    """One step of the optimiser; the loss, and the norm of its gradient before clipping."""
    plan, total = job.plan, torch.zeros((), device=fabric.device)
    for group in optimiser.param_groups:
        group["lr"] = plan.rate(step)
    network.train()
    optimiser.zero_grad(set_to_none=True)
    for i, number in enumerate(plan.batches(step, fabric.global_rank)[: plan.accumulate], 1):
        torch.manual_seed(plan.seed * 1_000_003 + number)
        image, target = fabric.to_device(next(batches))
        with fabric.no_backward_sync(network, enabled=i < plan.accumulate):
            value = job.loss(network(image), target) / plan.accumulate
            fabric.backward(value)
        total += value.detach()
    loss = float(fabric.all_reduce(total).item())
    norm = float(fabric.clip_gradients(network, optimiser, max_norm=plan.clip, error_if_nonfinite=False).item())
    for name, found in (("loss", loss), ("gradient", norm)):
        if not math.isfinite(found):
            advice = f"train in another folder with a learning rate below {plan.learning_rate:g}"
            raise NodewiseError(f"the {name} is {found} at step {step}: {advice}; {job.out} keeps what was good")
    optimiser.step()
    return loss, norm


def _follow(average: nn.Module, network: nn.Module, decay: float) -> None:
    with torch.no_grad():
        for slow, fast in zip(average.parameters(), network.parameters(), strict=True):
            slow.lerp_(fast, 1 - decay)
        for kept, latest in zip(average.buffers(), network.buffers(), strict=True):
            if kept.is_floating_point():  # what batch normalisation has seen
                kept.lerp_(latest, 1 - decay)
            else:
                kept.copy_(latest)

"""The training loop: it takes functions and knows nothing of images.

Step t uses batch(t), a pure function, and a generator seeded from (seed, t); the checkpoint holds everything else. So
a run that was killed and started again ends with the very numbers of one that was not.
"""

from __future__ import annotations

import contextlib
import copy
import math
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from nodewise.learn.checkpoint import restore, save, training_log
from nodewise.values.errors import BadInputError, MissingExtraError, NodewiseError

Batch = Callable[[int], tuple[Tensor, Tensor]]
Loss = Callable[[Any, Tensor], Tensor]
Validate = Callable[[nn.Module], Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class FitPlan:
    """How long and how to train.

    Attributes:
        steps: in all; a resumed run may be given another number, and the learning rate then follows that.
        learning_rate: at its highest; it rises over ``warmup`` steps and falls as a half cosine to 1 % of that.
        weight_decay: of AdamW. clip: largest norm of the gradient.
        average: decay of the running average of the weights, which is validated and kept, ``…_every`` so many steps.
        device: cpu, cuda, cuda:1, mps. precision: as Lightning Fabric names it, ``bf16-mixed`` or ``32-true``.
        workers: threads that make batches ahead; 0 for none. The result does not depend on it.
    """

    steps: int
    learning_rate: float
    weight_decay: float = 1e-2
    warmup: int = 20
    clip: float = 5.0
    average: float = 0.99
    validate_every: int = 200
    save_every: int = 20
    seed: int = 0
    device: str = "cpu"
    precision: str = "32-true"
    workers: int = 1

    def rate(self, step: int) -> float:
        """Learning rate of a step, counted from 0."""
        rise = min(1.0, (step + 1) / (self.warmup + 1))
        return self.learning_rate * rise * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * step / self.steps)))


@dataclass(frozen=True, slots=True)
class Progress:
    """Where training is after ``step`` steps; ``validation`` is empty where none was made at this step."""

    step: int
    steps: int
    loss: float
    seconds_left: float
    validation: Mapping[str, float]


def fit(
    network: nn.Module,
    batch: Batch,
    loss: Loss,
    plan: FitPlan,
    out: Path,
    *,
    validate: Validate | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Path:
    """Train ``network`` in place and keep the averaged weights that validate best.

    Args:
        network: with its initial weights.
        batch: (input, target) of a step; must depend on the step alone.
        loss: of the network's output and the target.
        plan: see ``FitPlan``.
        out: folder for ``last.pt``, ``best.pt`` and ``log.csv``; training goes on from ``last.pt`` where there is one.
        validate: measures of a network, the first one to be maximised; without it the last average is the best.
        progress: told after every step.

    Returns:
        The file of the best weights, for ``load_weights``.

    Raises:
        MissingExtraError: Lightning Fabric is not installed.
        BadInputError: ``out`` belongs to another network or seed, or memory does not suffice.
        NodewiseError: the loss is not finite.
    """
    fabric = _fabric(plan)
    out.mkdir(parents=True, exist_ok=True)
    average = fabric.to_device(copy.deepcopy(network).eval().requires_grad_(False))
    optimizer = torch.optim.AdamW(network.parameters(), plan.learning_rate, weight_decay=plan.weight_decay)
    wrapped, optimizer = fabric.setup(network, optimizer)
    parts = {"network": network, "average": average, "optimizer": optimizer}
    standing = restore(out / "last.pt", parts, plan.seed)
    start, best, began = standing.step, standing.best, time.perf_counter()
    with training_log(out / "log.csv", start) as log, _plain_words(plan):
        for step, pair in enumerate(_ahead(batch, range(start, plan.steps), plan.workers), start):
            value = _step(fabric, wrapped, optimizer, loss, pair, plan, step)
            _follow(average, network, min(plan.average, (1 + step) / (10 + step)))
            done, last = step + 1, step + 1 == plan.steps
            measures: Mapping[str, float] = {}
            if validate is not None and (done % plan.validate_every == 0 or last):
                with torch.inference_mode(), fabric.autocast():
                    measures = validate(average)
            score = next(iter(measures.values()), -math.inf)
            if score > best or (last and validate is None):
                best = max(score, best)
                save({"network": average.state_dict(), "step": done, "score": score}, out / "best.pt")
            spent = time.perf_counter() - began
            seconds = standing.seconds + spent
            words = " ".join(f"{name}={number:.4g}" for name, number in measures.items())
            log.writerow((done, f"{value:.6g}", f"{plan.rate(step):.6g}", f"{seconds:.2f}", words))
            if done % plan.save_every == 0 or last:
                state = {name: part.state_dict() for name, part in parts.items()}
                save(state | {"step": done, "best": best, "seconds": seconds, "seed": plan.seed}, out / "last.pt")
            if progress is not None:
                progress(Progress(done, plan.steps, value, spent / (done - start) * (plan.steps - done), measures))
    if not (out / "best.pt").exists():
        save({"network": average.state_dict(), "step": max(start, plan.steps), "score": best}, out / "best.pt")
    return out / "best.pt"


def _fabric(plan: FitPlan) -> Any:
    try:
        from lightning_fabric import Fabric
    except ImportError as error:
        raise MissingExtraError("training needs Lightning Fabric: pip install 'nodewise[train]'") from error
    kind, _, index = plan.device.partition(":")
    return Fabric(accelerator=kind, devices=[int(index)] if index else 1, precision=plan.precision)


def _step(
    fabric: Any, network: Any, optimizer: Any, loss: Loss, pair: tuple[Tensor, Tensor], plan: FitPlan, step: int
) -> float:
    torch.manual_seed(plan.seed * 1_000_003 + step)
    image, target = fabric.to_device(pair)
    for group in optimizer.param_groups:
        group["lr"] = plan.rate(step)
    network.train()
    value = loss(network(image), target)
    number = value.item()
    if not math.isfinite(number):
        raise NodewiseError(f"the loss is {number} at step {step}: lower the learning rate ({plan.learning_rate})")
    optimizer.zero_grad(set_to_none=True)
    fabric.backward(value)
    fabric.clip_gradients(network, optimizer, max_norm=plan.clip)
    optimizer.step()
    return float(number)


def _follow(average: nn.Module, network: nn.Module, decay: float) -> None:
    with torch.no_grad():
        for slow, fast in zip(average.parameters(), network.parameters(), strict=True):
            slow.lerp_(fast, 1 - decay)
        for kept, latest in zip(average.buffers(), network.buffers(), strict=True):
            kept.copy_(latest)


def _ahead(batch: Batch, steps: range, workers: int) -> Iterator[tuple[Tensor, Tensor]]:
    """The batches in order, made ahead by threads."""
    if workers == 0:
        yield from map(batch, steps)
        return
    with ThreadPoolExecutor(workers, thread_name_prefix="batch") as pool:
        waiting: list[Future[tuple[Tensor, Tensor]]] = []
        try:
            for step in steps:
                waiting.append(pool.submit(batch, step))
                if len(waiting) > workers + 1:
                    yield waiting.pop(0).result()
            while waiting:
                yield waiting.pop(0).result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


@contextlib.contextmanager
def _plain_words(plan: FitPlan) -> Iterator[None]:
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        spent = isinstance(error, MemoryError | torch.OutOfMemoryError) or "t allocate memory" in str(error)
        if not spent:
            raise
        raise BadInputError(f"memory ran out on {plan.device}: train with a smaller batch or patch") from error

"""Batches made ahead of the step that needs them, in order, by threads or by processes."""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

import torch
from torch.utils.data import DataLoader, Dataset

from nodewise.values.errors import NodewiseError

T = TypeVar("T")
Kind = Literal["threads", "processes"]


def ahead(
    batch: Callable[[int], T], steps: range, workers: int = 0, kind: Kind = "threads"
) -> Generator[T, None, None]:
    """``batch(step)`` for each step in turn; the values depend on neither ``workers`` nor ``kind``.

    Args:
        batch: of a step, from the step alone; sent to other processes once, where there are any.
        steps: which.
        workers: how many work ahead; 0 for none.
        kind: threads share the interpreter, so they suit batches made by numpy and torch; processes, begun afresh
            ("spawn", so that a program of its own needs its ``__main__`` guard), suit all others.

    Raises:
        NodewiseError: whatever ``batch`` raised, in its place in the order.
    """
    if workers == 0 or not steps:
        yield from map(batch, steps)
    elif kind == "threads":
        yield from _by_threads(batch, steps, workers)
    else:
        yield from _by_processes(batch, steps, workers)


def _by_threads(batch: Callable[[int], T], steps: range, workers: int) -> Generator[T, None, None]:
    with ThreadPoolExecutor(workers, thread_name_prefix="batch") as pool:
        waiting: list[Future[T]] = []
        try:
            for step in steps:
                waiting.append(pool.submit(batch, step))
                if len(waiting) > workers + 1:
                    yield waiting.pop(0).result()
            while waiting:
                yield waiting.pop(0).result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _by_processes(batch: Callable[[int], T], steps: range, workers: int) -> Generator[T, None, None]:
    loader = DataLoader(
        _Steps(batch),
        sampler=steps,
        batch_size=None,
        num_workers=min(workers, len(steps)),
        collate_fn=_as_it_is,
        multiprocessing_context="spawn",
        generator=torch.Generator(),  # else it draws from torch's own, and what comes later depends on the workers
    )
    for made in loader:
        if isinstance(made, NodewiseError):  # raised there, it would come back wrapped in a traceback
            raise made
        yield made


@dataclass(frozen=True, slots=True)
class _Steps(Dataset[Any], Generic[T]):
    batch: Callable[[int], T]

    def __getitem__(self, step: int) -> T | NodewiseError:
        try:
            return self.batch(step)
        except NodewiseError as error:
            return error


def _as_it_is(made: T) -> T:
    return made

"""Every pair of a cohort, one after another or several at once."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from nodewise.evaluate.case import evaluate_case
from nodewise.evaluate.pairs import Pair
from nodewise.evaluate.read import Reading
from nodewise.evaluate.record import Case


def evaluate_pairs(
    pairs: Sequence[Pair],
    how: Reading = Reading(),  # noqa: B008 - frozen
    *,
    jobs: int = 1,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> tuple[Case, ...]:
    """The record of every pair, in their order.

    Args:
        pairs: see ``find_pairs``.
        how: files are to be understood.
        jobs: processes at work at once; each holds one case in memory.
        progress: told (done, total).

    Raises:
        BadInputError: a file is missing or not what it should be.
    """
    work = partial(evaluate_case, how=how)
    cases = []
    if jobs < 2 or len(pairs) < 2:
        for done, pair in enumerate(pairs):
            progress(done, len(pairs))
            cases.append(work(pair))
    else:
        spawned = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(min(jobs, len(pairs)), mp_context=spawned) as pool:
            for done, case in enumerate(pool.map(work, pairs)):
                cases.append(case)
                progress(done + 1, len(pairs))
    progress(len(pairs), len(pairs))
    return tuple(cases)

"""What people see while they wait, and what is logged."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.logging import RichHandler
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.progress import TimeRemainingColumn as TimeLeftColumn

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)
_LOGGER = logging.getLogger("nodewise")


def set_up_logging(verbose: bool) -> None:
    """Warnings go to the screen, everything when ``verbose``."""
    handler = RichHandler(console=errors, show_path=False, show_time=verbose)
    handler.setLevel(logging.DEBUG if verbose else logging.WARNING)
    _LOGGER.handlers = [handler]
    _LOGGER.setLevel(logging.DEBUG)
    _LOGGER.propagate = False


@contextmanager
def log_to(path: Path) -> Iterator[None]:
    """Everything that nodewise logs also goes to ``path``."""
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    _LOGGER.addHandler(handler)
    try:
        yield
    finally:
        _LOGGER.removeHandler(handler)
        handler.close()


@contextmanager
def stages(title: str, total: int) -> Iterator[Callable[[str], None]]:
    """A bar that moves on as each of ``total`` named stages begins."""
    with _bar() as bar:
        task = bar.add_task(title, total=total)
        begun: list[str] = []

        def on_stage(name: str) -> None:
            _LOGGER.info("stage: %s", name)
            begun.append(name)
            bar.update(task, completed=len(begun) - 1, description=f"{title}: {name}")

        yield on_stage
        bar.update(task, completed=total, description=title)


@contextmanager
def counted(title: str) -> Iterator[Callable[[int, int], None]]:
    """A bar for work that says (done, total), with the time left."""
    with _bar() as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _bar() -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeLeftColumn(),
        console=errors,
        transient=True,
    )

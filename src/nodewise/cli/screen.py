"""What people see while they wait, and what is logged."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.progress import TimeRemainingColumn as TimeLeftColumn

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)
_LOGGER = logging.getLogger("nodewise")
_LIBRARIES = ("pydicom", "highdicom", "nibabel.global")


class _Screen(logging.Handler):
    """One line a record on standard error, above a bar where there is one."""

    def emit(self, record: logging.LogRecord) -> None:
        colour = "yellow" if record.levelno >= logging.WARNING else "dim"
        errors.print(f"[{colour}]{record.levelname.lower()}:[/] {escape(self.format(record))}", soft_wrap=True)


def set_up_logging(verbose: bool) -> None:
    """Our warnings go to the screen; when ``verbose`` everything, and what the libraries warn of."""
    screen = _Screen(logging.DEBUG if verbose else logging.WARNING)
    _LOGGER.handlers = [screen]
    _LOGGER.setLevel(logging.DEBUG)
    _LOGGER.propagate = False
    if not verbose:
        warnings.simplefilter("ignore")
    for name in _LIBRARIES:
        library = logging.getLogger(name)
        library.handlers = [screen if verbose else logging.NullHandler()]
        library.propagate = False


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


@contextmanager
def counted_stages(title: str) -> Iterator[Callable[[str, int, int], None]]:
    """A bar for work of several stages, each of which says (its name, done, total)."""
    with _bar() as bar:
        task = bar.add_task(title, total=None)
        names: list[str] = []

        def on_progress(name: str, done: int, total: int) -> None:
            if names[-1:] != [name]:
                _LOGGER.info("stage: %s", name)
                names.append(name)
                bar.reset(task, total=total)
            bar.update(task, completed=done, total=total, description=f"{title}: {name}")

        yield on_progress


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
        disable=not errors.is_terminal,
    )

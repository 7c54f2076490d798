"""A run's log, for people: ``log.csv``, and curves and sample pictures in ``board`` for TensorBoard."""

from __future__ import annotations

import csv
import io
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

COLUMNS = ("step", "loss", "learning_rate", "gradient", "seconds", "validation")
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known after ``step`` steps; ``gradient`` is its norm before clipping, ``validation`` often empty."""

    step: int
    loss: float
    learning_rate: float
    gradient: float
    seconds: float
    validation: Mapping[str, float] = field(default_factory=dict)

    def row(self) -> tuple[str, ...]:
        """As ``COLUMNS`` has them."""
        words = " ".join(f"{name}={number:.4g}" for name, number in self.validation.items())
        numbers = (f"{n:.6g}" for n in (self.loss, self.learning_rate, self.gradient))
        return str(self.step), *numbers, f"{self.seconds:.2f}", words


class Board:
    """The log of a run, cut back to ``start`` steps and open for more; close it after use, or use it in ``with``."""

    def __init__(self, out: Path, start: int) -> None:
        _cut(out / "log.csv", start)
        self._file = (out / "log.csv").open("a", newline="", buffering=1)
        self._rows = csv.writer(self._file)
        self._events = _events(out / "board", start)

    def write(self, entry: Entry) -> None:
        """One row more, and one point on each curve."""
        self._rows.writerow(entry.row())
        if self._events is not None:
            for name in ("loss", "learning_rate", "gradient"):
                self._events.add_scalar(name, getattr(entry, name), entry.step)
            for name, number in entry.validation.items():
                self._events.add_scalar(f"validation/{name}", number, entry.step)

    def show(self, pictures: Mapping[str, npt.NDArray[Any]], step: int) -> None:
        """Pictures (H, W) or (H, W, 3), uint8 or floats of 0 to 1; nothing without TensorBoard."""
        if self._events is not None:
            for name, picture in pictures.items():
                array = np.asarray(picture)
                self._events.add_image(name, array, step, dataformats="HW" if array.ndim == 2 else "HWC")

    def keep(self) -> None:
        """Have all of it on disk: what a checkpoint counts as done is in the log."""
        os.fsync(self._file.fileno())
        if self._events is not None:
            self._events.flush()

    def close(self) -> None:
        """Nothing more is written."""
        self._file.close()
        if self._events is not None:
            self._events.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def _cut(path: Path, start: int) -> None:
    """Keep the rows of the first ``start`` steps, written aside and renamed."""
    rows: list[list[str]] = []
    if path.exists():
        with path.open(newline="") as file:
            rows = [r for r in csv.reader(file) if len(r) == len(COLUMNS) and r[0].isdigit() and int(r[0]) <= start]
    text = io.StringIO(newline="")
    csv.writer(text).writerows([COLUMNS, *rows])
    aside = path.with_suffix(".part.csv")
    aside.write_text(text.getvalue(), newline="")
    aside.replace(path)


def _events(folder: Path, start: int) -> Any:
    """TensorBoard's writer, which hides what an earlier one wrote after ``start``; None where it is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        log.warning("no curves in %s: TensorBoard is missing, pip install 'nodewise[train]'", folder)
        return None
    return SummaryWriter(str(folder), purge_step=start + 1)

"""One process or several: Lightning Fabric, with errors and progress brought back from the processes it starts."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from threading import Thread
from typing import Any

from torch import nn
from torch.multiprocessing.spawn import ProcessExitedException, ProcessRaisedException

from nodewise.learn.device import Precision, check_count
from nodewise.values.errors import BadInputError, MissingExtraError, NodewiseError

Tell = Callable[[Any], None]
Work = Callable[[Any, nn.Module, Tell], None]

_OURS = {f"{kind.__module__}.{kind.__qualname__}": kind for kind in (BadInputError, MissingExtraError, NodewiseError)}


def make_fabric(device: str, devices: int, precision: Precision) -> Any:
    """Lightning Fabric on one device, or for a process on each of several.

    Raises:
        MissingExtraError: it is not installed.
        BadInputError: there are not so many devices.
    """
    try:
        from lightning_fabric import Fabric
    except ImportError as error:
        raise MissingExtraError("training needs Lightning Fabric: pip install 'nodewise[train]'") from error
    check_count(device, devices)
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # it tells of its precision, across our bar
    kind, _, index = device.partition(":")
    which = [int(index)] if index else devices
    return Fabric(accelerator=kind, devices=which, strategy="ddp_spawn" if devices > 1 else "auto", precision=precision)


def launch(fabric: Any, work: Work, network: nn.Module, tell: Tell) -> None:
    """``work(fabric, network, tell)`` in this process, or in each of those that ``fabric`` is for.

    Several processes are given copies: ``work`` must be something that can be pickled, and ``network`` stays as it is.

    Raises:
        TypeError: ``work`` cannot be sent to another process.
        NodewiseError: what a process raised, or that it was killed.
    """
    if fabric.world_size == 1:
        work(fabric, network, tell)
        return
    with _words_of_processes(), _relayed(tell) as send:
        fabric.launch(work, network, send)


@contextlib.contextmanager
def _relayed(tell: Tell) -> Iterator[Tell]:
    """What another process may call, so that ``tell`` is called here."""
    receiver, sender = multiprocessing.get_context("spawn").Pipe(duplex=False)
    thread = Thread(target=_listen, args=(receiver, tell), daemon=True)
    thread.start()
    try:
        yield sender.send
    finally:
        sender.close()  # the other processes have ended: the listener comes to the end of the pipe
        thread.join(timeout=5)


def _listen(receiver: Connection, tell: Tell) -> None:
    with contextlib.suppress(EOFError, OSError):
        while True:
            tell(receiver.recv())


@contextlib.contextmanager
def _words_of_processes() -> Iterator[None]:
    try:
        yield
    except ProcessRaisedException as error:
        kind, _, words = str(error).strip().splitlines()[-1].partition(": ")
        if kind in _OURS:
            raise _OURS[kind](words) from error
        raise
    except ProcessExitedException as error:
        how = error.signal_name or error.exit_code
        raise NodewiseError(f"a training process ended ({how}), often for lack of memory: start it again") from error
    except (AttributeError, TypeError) as error:
        if "pickle" not in str(error):
            raise
        words = "training on several devices needs functions of a module, or dataclasses, not functions in functions"
        raise TypeError(f"{words}: {error}") from error

"""What the machine can compute on, in which precision, and what is said when its memory runs out."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Literal

import torch

from nodewise.values.errors import BadInputError

Precision = Literal["32-true", "bf16-mixed"]

_OUT_OF_MEMORY = (
    "t allocate memory",  # torch on a CPU
    "out of memory",
    "ALLOC_FAILED",
    "bad_alloc",  # OpenVINO and all of C++
    "bad allocation",
    "ailed to allocate",
    "out_of_memory",  # oneDNN
)


def choose_device(name: str) -> str:
    """The device of this name; ``auto`` takes cuda, else mps, else cpu.

    Raises:
        BadInputError: there is no such device here.
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return next(kind for kind, here in there.items() if here)
    kind, _, index = name.partition(":")
    known = there.get(kind, False)
    if known and index:
        known = kind == "cuda" and index.isdigit() and int(index) < torch.cuda.device_count()
    if not known:
        here = ", ".join(kind for kind, here in there.items() if here)
        raise BadInputError(f"there is no device {name} here: choose auto or one of {here}")
    return name


def check_count(device: str, count: int) -> None:
    """Nothing, where ``count`` processes can train on ``device``: one on each GPU, any number on a CPU.

    Raises:
        BadInputError: there are not so many, or one of them is named.
    """
    kind, _, index = device.partition(":")
    there = {"cpu": count, "cuda": torch.cuda.device_count()}.get(kind, 1)
    if count < 1 or (count > 1 and (index or count > there)):
        there = 1 if index else there
        raise BadInputError(f"cannot train on {count} devices with {device}: it gives {there}")


def computes_in_bfloat16(device: str) -> bool:
    """Whether it does so at full speed; where bfloat16 is emulated it is slower than float32."""
    kind = device.partition(":")[0]
    if kind == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    able: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)() if kind == "cpu" else {}
    return bool(able.get("avx512_bf16") or able.get("amx_bf16"))


def training_precision(device: str) -> Precision:
    """Mixed bfloat16 where that is quick, float32 elsewhere."""
    return "bf16-mixed" if computes_in_bfloat16(device) else "32-true"


def free_memory(device: str) -> int:
    """Bytes that may still be used there; 0 on a CPU, where a larger batch is no quicker."""
    kind = device.partition(":")[0]
    if kind == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory() if kind == "mps" else 0


def half_precision(device: str) -> contextlib.AbstractContextManager[object]:
    """Inference in bfloat16 where that is quick, in float32 elsewhere."""
    if not computes_in_bfloat16(device):
        return contextlib.nullcontext()
    return torch.autocast(device.partition(":")[0], torch.bfloat16)


@contextlib.contextmanager
def memory_in_plain_words(device: str, advice: str) -> Iterator[None]:
    """Memory that runs out inside becomes one line that ends with ``advice``.

    Raises:
        BadInputError: memory ran out; any other error passes as it is.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        spent = isinstance(error, MemoryError | torch.cuda.OutOfMemoryError)
        if not spent and not any(words in str(error) for words in _OUT_OF_MEMORY):
            raise
        raise BadInputError(f"memory ran out on {device}: {advice}") from error


def memory_to_predict(device: str) -> contextlib.AbstractContextManager[None]:
    """``memory_in_plain_words`` with the advice for a prediction."""
    elsewhere = "" if device == "cpu" else ", or predict with --device cpu"
    return memory_in_plain_words(device, f"close other programs{elsewhere}, or cut the scan to the chest")

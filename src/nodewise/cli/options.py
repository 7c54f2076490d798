"""Options that several verbs share."""

from __future__ import annotations

import logging
import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from nodewise.values.station import Side


class Primary(StrEnum):
    """Side of the primary tumour, as typed."""

    left = "left"
    right = "right"
    unknown = "unknown"

    @property
    def side(self) -> Side | None:
        """The side, or None when it is unknown."""
        return None if self is Primary.unknown else Side(self.value)


class Device(StrEnum):
    """Where the network runs."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"
    mps = "mps"


class Runtime(StrEnum):
    """What computes the network."""

    auto = "auto"
    torch = "torch"
    openvino = "openvino"


class Edition(StrEnum):
    """Edition of the TNM classification of lung cancer."""

    eighth = "8"
    ninth = "9"


log = logging.getLogger(__name__)
_WITHOUT_PATH = {"--primary", "--tnm", "--device", "--runtime", "--threads"}

Input = Annotated[
    Path,
    typer.Argument(
        metavar="INPUT",
        help="DICOM folder or zip, a NIfTI, NRRD or MHA file, or a folder of such studies.",
        show_default=False,
    ),
]
Output = Annotated[
    Path,
    typer.Option("--output", "-o", metavar="OUT", help="Folder to make; it is complete or absent.", show_default=False),
]
PrimaryOption = Annotated[
    Primary, typer.Option("--primary", help="Side of the primary tumour; unknown gives the answer for both sides.")
]
EditionOption = Annotated[Edition, typer.Option("--tnm", help="Edition of the TNM classification.")]
DeviceOption = Annotated[Device, typer.Option("--device", help="Where the network runs.")]
RuntimeOption = Annotated[
    Runtime, typer.Option("--runtime", help="What computes the network: auto takes openvino on a cpu, else torch.")
]
ThreadsOption = Annotated[
    int | None, typer.Option("--threads", min=1, help="Processor threads to use at most.", show_default="all")
]
GapsOption = Annotated[
    bool, typer.Option("--allow-gaps", help="Fill missing slices by interpolation and flag it, instead of refusing.")
]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace results that are already there.")]


def use_threads(count: int | None) -> None:
    """Hold the numerical libraries to ``count`` threads."""
    if count is None:
        return
    import SimpleITK as sitk  # noqa: N813
    import torch

    torch.set_num_threads(count)
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(count)


def cache_folder() -> Path | None:
    """The user's folder for what can be made again, in the system's place for it; None where it cannot be written."""
    if sys.platform == "win32":
        root = Path(os.environ.get("LOCALAPPDATA", "~/AppData/Local"))
    elif sys.platform == "darwin":
        root = Path("~/Library/Caches")
    else:
        root = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
    try:
        folder = root.expanduser() / "nodewise"
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError) as error:
        log.debug("compiled networks are not kept: %s", error)
        return None
    return folder if os.access(folder, os.W_OK) else None


def command_line() -> str:
    """The command as typed, without paths: folders are often named after patients, or bear their numbers."""
    shown = ["nodewise"]
    for word in sys.argv[1:]:
        option, _, value = word.partition("=")
        if not word.startswith("-"):
            shown.append(word if shown[-1] in _WITHOUT_PATH or _is_verb(word, shown) else "…")
        elif not word.startswith("--"):
            shown.append(word[:2] + "…" * (len(word) > 2))
        else:
            shown.append(f"{option}={value if option in _WITHOUT_PATH else '…'}" if value else option)
    return " ".join(shown)


def _is_verb(word: str, before: list[str]) -> bool:
    return word.isalpha() and word.isascii() and all(earlier.startswith("-") for earlier in before[1:])

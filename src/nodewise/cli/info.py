"""``nodewise info``: what is installed, what it can run on, which models it ships."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

from rich.markdown import Markdown
from rich.table import Table

from nodewise.cli.screen import console

_PACKAGES = ("nodewise", "numpy", "scipy", "torch", "simpleitk", "pydicom", "highdicom", "nibabel", "lightning-fabric")


def info() -> None:
    """Versions, devices and the bundled models with their cards.

    Example: nodewise info
    """
    from nodewise.models.bundle import bundled_models

    versions = Table("package", "version", title="Versions", title_justify="left")
    versions.add_row("python", platform.python_version())
    for package in _PACKAGES:
        versions.add_row(package, _version(package))
    console.print(versions)
    console.print(f"Devices: {', '.join(_devices())}\n")
    for model in bundled_models():
        console.rule(f"Model {model.name}")
        console.print(Markdown(model.card))
    console.print("Research use only, not for diagnosis.", style="dim")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _devices() -> list[str]:
    import torch

    found = [f"cpu ({torch.get_num_threads()} threads)"]
    found += [f"cuda:{i} ({torch.cuda.get_device_name(i)})" for i in range(torch.cuda.device_count())]
    return [*found, "mps"] if torch.backends.mps.is_available() else found

"""What was held out of the station network's training: how well it does there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from nodewise.models.preparation import Preparation
from nodewise.recipes.three_step.stations_patches import IGNORE, OTHER, OUTSIDE
from nodewise.report.levels import colour_of_station
from nodewise.values.box import Index3
from nodewise.values.station import Station

if TYPE_CHECKING:
    from torch import Tensor, nn

Patch = tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """HU and classes (x, y, z) of each example, of any size, and how the network sees them."""

    examples: Iterable[Patch]
    stations: tuple[Station, ...]
    preparation: Preparation
    patch: Index3

    def measures(self, network: nn.Module) -> dict[str, float]:
        """Shares of the true mediastinum's voxels given their station and another side's; Dice of the mediastinum."""
        sided = (0 if s.side is None else (1 if s.code.endswith("R") else 2) for s in self.stations)
        sides = np.array([0, *sided])
        right = wrong = there = both = either = 0
        for hu, classes in self.examples:
            logits = self._logits(network, hu)
            known, named = classes != IGNORE, (classes > OUTSIDE) & (classes < OTHER)
            found, truth = (logits[0] > 0) & known, (classes != OUTSIDE) & known
            told, true = logits[1:].argmax(axis=0)[named] + 1, classes[named]
            right += int((told == true).sum())
            wrong += int((sides[told] * sides[true] == 2).sum())
            there += int(named.sum())
            both += int((found & truth).sum())
            either += int(found.sum() + truth.sum())
        return {
            "station_accuracy": right / max(there, 1),
            "wrong_side": wrong / max(there, 1),
            "mediastinum_dice": 2 * both / max(either, 1),
        }

    def pictures(self, network: nn.Module) -> dict[str, npt.NDArray[np.float32]]:
        """Of the first example the slice with most mediastinum: CT, stations told and true ones, (H, W, 3), 0 to 1."""
        hu, classes = next(iter(self.examples))
        logits = self._logits(network, hu)
        told = np.where(logits[0] > 0, logits[1:].argmax(axis=0) + 1, OUTSIDE)
        at = int(np.argmax(((classes != OUTSIDE) & (classes != IGNORE)).sum(axis=(0, 1))))
        grey = np.repeat(self.preparation.channels(hu)[0, :, :, at].T[..., None], 3, axis=-1)
        colours = _colours(self.stations)
        painted = [
            np.where(c[..., None] == OUTSIDE, grey, (grey + colours[c]) / 2)
            for c in (told[:, :, at].T, classes[:, :, at].T)
        ]
        return {"stations": np.concatenate([grey, *painted], axis=1).astype(np.float32)}

    def _logits(self, network: nn.Module, hu: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Of mediastinum and stations (1 + stations, x, y, z)."""
        import torch

        from nodewise.learn.device import half_precision
        from nodewise.learn.slide import sliding_window

        device = next(network.parameters()).device

        def predict(windows: Tensor) -> Tensor:
            with torch.inference_mode(), half_precision(str(device)):
                logits: Tensor = network(windows.to(device))
            return logits.float().cpu()

        channels = self.preparation.channels(hu)
        return sliding_window(predict, channels, self.patch, 1 + len(self.stations), overlap=0.25)


def _colours(stations: tuple[Station, ...]) -> npt.NDArray[np.float32]:
    """Red, green and blue of each class (256, 3), as the report's map has them; grey for a station not told apart."""
    table = np.full((256, 3), 0.5, np.float32)
    for number, station in enumerate(stations, 1):
        table[number] = np.frombuffer(bytes.fromhex(colour_of_station(station)[1:]), np.uint8) / 255
    return table

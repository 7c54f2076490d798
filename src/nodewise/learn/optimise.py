"""Optimisers: their numbers as values, and torch's optimiser of each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Adam:
    """Kingma & Ba, ICLR 2015; ``weight_decay`` is added to the gradient."""

    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 0.0


@dataclass(frozen=True, slots=True)
class AdamW:
    """Loshchilov & Hutter, ICLR 2019: Adam with the decay taken from the weights themselves."""

    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 1e-2


@dataclass(frozen=True, slots=True)
class RAdam:
    """Liu et al., ICLR 2020: Adam with a rectified first phase; ``weight_decay`` is added to the gradient."""

    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 0.0


@dataclass(frozen=True, slots=True)
class Sgd:
    """With momentum, Nesterov's where it has any; ``weight_decay`` is added to the gradient. Like nnU-Net's."""

    momentum: float = 0.99
    nesterov: bool = True
    weight_decay: float = 3e-5


Optimiser = Adam | AdamW | RAdam | Sgd


def make_optimiser(settings: Optimiser, weights: Iterable[Tensor], learning_rate: float) -> torch.optim.Optimizer:
    """The optimiser of torch with these settings."""
    decay = settings.weight_decay
    match settings:
        case Adam():
            return torch.optim.Adam(weights, learning_rate, betas=settings.betas, weight_decay=decay)
        case AdamW():
            return torch.optim.AdamW(weights, learning_rate, betas=settings.betas, weight_decay=decay)
        case RAdam():
            return torch.optim.RAdam(weights, learning_rate, betas=settings.betas, weight_decay=decay)
        case Sgd():
            nesterov = settings.nesterov and settings.momentum > 0
            return torch.optim.SGD(weights, learning_rate, settings.momentum, weight_decay=decay, nesterov=nesterov)

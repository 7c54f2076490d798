"""From a network's logits of nodes to probabilities that hold, learned from the histology of stations alone.

Nothing is known of any one node, so a curve cannot be fitted to nodes. A station is metastatic when one of its nodes
is; with nodes taken as independent, given their images, P(station) = 1 − Π (1 − p of each of its nodes). The nodes'
curve is the one under which the verdicts on stations are likeliest. (The largest p of a station would not do: it is
the probability of one node, and says too little of a station of many.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nodewise.values.errors import BadInputError

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.integer]
_LEAST = 1e-6
_ROUNDS = 200


@dataclass(frozen=True, slots=True)
class Temperature:
    """Logit × ``scale`` + ``shift`` (Platt 1999; with shift 0 Guo et al., ICML 2017)."""

    scale: float = 1.0
    shift: float = 0.0

    def __call__(self, logits: npt.ArrayLike) -> Floats:
        """Probabilities (n,) of logits (n,)."""
        return _sigmoid(self.scale * np.asarray(logits, dtype=np.float64) + self.shift)


@dataclass(frozen=True, slots=True)
class Isotonic:
    """``y`` where the uncalibrated probability is ``x``, straight between knots and level beyond them."""

    x: tuple[float, ...]
    y: tuple[float, ...]

    def __call__(self, logits: npt.ArrayLike) -> Floats:
        """Probabilities (n,) of logits (n,)."""
        return np.asarray(np.interp(_sigmoid(np.asarray(logits, dtype=np.float64)), self.x, self.y))


Calibration = Temperature | Isotonic


def bag_probability(probability: Floats, bags: Integers, count: int) -> Floats:
    """1 − Π (1 − p) over the nodes of each of ``count`` bags; 0 for an empty one.

    >>> bag_probability(np.array([0.5, 0.5, 0.2]), np.array([0, 0, 1]), 2).round(6).tolist()
    [0.75, 0.2]
    """
    clear = np.bincount(bags, np.log1p(-np.clip(probability, 0, 1 - 1e-12)), count)
    return np.asarray(-np.expm1(clear))


def fit_temperature(logits: Floats, bags: Integers, labels: Integers) -> Temperature:
    """The scale and shift under which the bags' labels are likeliest.

    Args:
        logits: (nodes,).
        bags: (nodes,) of each.
        labels: (bags,) 1 metastatic, 0 not; each has a node.

    Raises:
        BadInputError: not both labels are there.
    """
    from scipy.optimize import minimize

    _check(labels)

    def cost(settings: Floats) -> float:
        told = bag_probability(Temperature(float(np.exp(settings[0])), float(settings[1]))(logits), bags, len(labels))
        told = np.clip(told, _LEAST, 1 - _LEAST)
        # a weak pull to 1 and 0 keeps them finite where the logits tell all bags apart
        return float(-np.log(np.where(labels == 1, told, 1 - told)).sum() + 0.05 * np.square(settings).sum())

    best = min((minimize(cost, start, method="Nelder-Mead") for start in ([0, 0], [-1, -2])), key=lambda r: r.fun)
    return Temperature(float(np.exp(best.x[0])), float(best.x[1]))


def fit_isotonic(logits: Floats, bags: Integers, labels: Integers) -> Isotonic:
    """The rising steps under which the bags' labels are likeliest, by expectation and maximisation.

    Each round shares a metastatic bag out among its nodes: node i is metastatic with p_i / P(bag), given that the bag
    is; then the curve is fitted anew to these shares (pool adjacent violators). Arguments as for ``fit_temperature``.
    """
    from sklearn.isotonic import IsotonicRegression

    _check(labels)
    x = _sigmoid(logits)
    probability = np.full(len(x), 0.5)
    curve = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip")
    for _ in range(_ROUNDS):
        share = probability / np.maximum(bag_probability(probability, bags, len(labels)), _LEAST)[bags]
        before, probability = probability, curve.fit_transform(x, np.minimum(share, 1) * (labels[bags] == 1))
        if np.abs(probability - before).max() < 1e-6:
            break
    knots, first = np.unique(curve.X_thresholds_, return_index=True)
    rising = np.maximum.accumulate(np.clip(curve.y_thresholds_[first], 0, 1))
    return Isotonic(tuple(knots.tolist()), tuple(rising.tolist()))


def _check(labels: Integers) -> None:
    if not {0, 1} <= set(np.unique(labels).tolist()):
        raise BadInputError("calibration needs stations with and without metastasis: hold out more patients")


def _sigmoid(z: Floats) -> Floats:
    return np.asarray(0.5 * (1 + np.tanh(0.5 * z)))

"""Random textures that keep shapes: global intensity non-linear and interventional pseudo-correlation augmentation.

After Ouyang et al., IEEE TMI 2023, 42:1095 (GIN, IPA), as P3 uses them (Engelson et al., MELBA 2024, section 3.4): two
shallow random networks each give the image another look, and a smooth random map blends the two, so that what a network
learns cannot hang on how a scanner shows a tissue, nor on which tissues lie side by side.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True, slots=True)
class GinIpa:
    """The numbers of both, P3's by default.

    Attributes:
        layers, channels: of each random network. kernels: sizes of its convolutions, one drawn a layer.
        control_voxels: between the control points of the blending map's spline.
        swing: its control points lie within this of 0, in log space.
        coarse: the spline is evaluated on every so many voxels, and linearly between.
    """

    layers: int = 4
    channels: int = 4
    kernels: tuple[int, ...] = (1, 3)
    control_voxels: int = 24
    swing: float = 0.3
    coarse: int = 2


P3 = GinIpa()
_TINY = 1e-6


def ramp_up(epoch: float, epochs: float = 1000.0) -> float:
    """How strong the augmentation may be: exp(−5 (1 − e/E)²), 1 from epoch E on (Laine and Aila, ICLR 2017)."""
    return math.exp(-5.0 * (1.0 - min(max(epoch / epochs, 0.0), 1.0)) ** 2)


def gin_ipa(
    image: Tensor, generator: torch.Generator, strength: float = 1.0, plan: GinIpa = P3, *, keep_scale: bool = False
) -> Tensor:
    """Images (batch, channels, …) in 2-D or 3-D, each with another look; its mean is 0 and its spread 1 afterwards.

    Each image is scaled to 0 to 1 first. The result follows from the generator, which lies on the image's device.

    Args:
        image: densities alone; what is no density, such as a distance map, is left out.
        generator: draws everything.
        strength: the share of the random networks in the mixture lies between 0 and this.
        plan: see ``GinIpa``.
        keep_scale: the mean and the spread are those of the image before, so that one that was normalised by the
            whole data set stays comparable with those that are not augmented.
    """
    scaled = _min_max(image)
    first, second = (gin(scaled, generator, strength, plan) for _ in range(2))
    maps = [blend_map(image.shape[2:], generator, image.device, plan) for _ in range(len(image))]
    share = torch.stack(maps)[:, None].to(image.dtype)
    mixed = share * first + (1 - share) * second
    axes = tuple(range(1, image.dim()))
    spread = mixed.std(dim=axes, keepdim=True, correction=0)
    scored = (mixed - mixed.mean(dim=axes, keepdim=True)) / (spread + _TINY)
    if not keep_scale:
        return scored
    return scored * image.std(dim=axes, keepdim=True, correction=0) + image.mean(dim=axes, keepdim=True)


def gin(image: Tensor, generator: torch.Generator, strength: float = 1.0, plan: GinIpa = P3) -> Tensor:
    """α g(x) + (1 − α) x, with the Frobenius norm of x: g a shallow random network, α between 0 and ``strength``.

    Each image of the batch has a network and an α of its own.
    """
    looked = _random_network(image, generator, plan)
    alpha = strength * torch.rand(len(image), generator=generator, device=image.device, dtype=image.dtype)
    alpha = alpha.reshape(-1, *(1,) * (image.dim() - 1))
    mixed = alpha * looked + (1 - alpha) * image
    return mixed * (_norm(image) / (_norm(mixed) + _TINY))


def blend_map(shape: Sequence[int], generator: torch.Generator, device: torch.device, plan: GinIpa = P3) -> Tensor:
    """A smooth map of ``shape``, from 0 at its least to 1 at its largest: a quadratic B-spline of random points."""
    coarse = [max(2, math.ceil(n / plan.coarse)) for n in shape]
    weights = [_spline(n, plan.control_voxels / plan.coarse, device) for n in coarse]
    points = torch.rand([w.shape[1] for w in weights], generator=generator, device=device)
    field = (2 * points - 1) * plan.swing
    for axis, w in enumerate(weights):
        field = torch.movedim(torch.tensordot(w, field, dims=([1], [axis])), 0, axis)
    mode = "bilinear" if len(shape) == 2 else "trilinear"
    fine = functional.interpolate(field.exp()[None, None], size=tuple(shape), mode=mode, align_corners=True)[0, 0]
    return (fine - fine.min()) / (fine.max() - fine.min() + _TINY)


def _random_network(image: Tensor, generator: torch.Generator, plan: GinIpa) -> Tensor:
    """Convolutions of random weights with leaky ReLUs between, another network for each image (one group each)."""
    batch, channels, *size = image.shape
    convolution = functional.conv2d if len(size) == 2 else functional.conv3d
    x = image.reshape(1, batch * channels, *size)
    inputs = channels
    for layer in range(plan.layers):
        outputs = channels if layer == plan.layers - 1 else plan.channels
        draw = int(torch.randint(len(plan.kernels), (), generator=generator, device=image.device))
        kernel = plan.kernels[draw]
        shape = (batch * outputs, inputs, *(kernel,) * len(size))
        weight = torch.randn(shape, generator=generator, device=image.device, dtype=image.dtype)
        shift = torch.randn(batch * outputs, generator=generator, device=image.device, dtype=image.dtype)
        x = convolution(x, weight, shift, padding=kernel // 2, groups=batch)
        inputs = outputs
        if layer < plan.layers - 1:
            x = functional.leaky_relu(x)
    out: Tensor = x.reshape(image.shape)
    return out


def _spline(count: int, step: float, device: torch.device) -> Tensor:
    """Weights (count, points) of the quadratic B-splines whose knots lie ``step`` apart, at 0, 1, … count − 1."""
    points = math.ceil((count - 1) / step) + 3
    at = torch.arange(count, device=device)[:, None] / step - (torch.arange(points, device=device)[None] - 1)
    away = at.abs()
    middle, side = 0.75 - away**2, 0.5 * (1.5 - away) ** 2
    return torch.where(away <= 0.5, middle, torch.where(away <= 1.5, side, torch.zeros_like(side)))


def _norm(image: Tensor) -> Tensor:
    norm: Tensor = torch.linalg.vector_norm(image, dim=tuple(range(1, image.dim())), keepdim=True)
    return norm


def _min_max(image: Tensor) -> Tensor:
    axes = tuple(range(1, image.dim()))
    low, high = image.amin(dim=axes, keepdim=True), image.amax(dim=axes, keepdim=True)
    return (image - low) / (high - low + _TINY)

"""Training patches a second: nodewise, and MONAI's standard loader with the same network in plain torch.

    python bench/train.py
    python bench/train.py --steps 40 --rounds 3 --workers 0

Both train the node network of drawn chests (``recipes.three_step.nodes.PHANTOM``) with the same loss and AdamW on
batches of two of its patches, a third of them near a node, and change them as nnU-Net does: rotation, scaling, flips,
noise, blur, brightness, contrast, low resolution, gamma, with the same probabilities and limits.

nodewise: cases mapped from disk, its own augmentation, batches made ahead by a thread, its training loop (mixed
bfloat16 where the processor computes in it, channels last), running average, checkpoints and log included.
MONAI: CacheDataset, RandCropByPosNegLabeld, RandAffined …, its DataLoader with as many worker processes; float32,
contiguous, eager. The two take turns; the first steps of each turn are not counted.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage
from torch import Tensor, nn
from torch.nn import functional

from nodewise.learn.augment import NNUNET
from nodewise.learn.case_cache import CachedCase, Case, CaseFiles, cached
from nodewise.learn.fit import FitPlan, fit
from nodewise.learn.network import build_network
from nodewise.learn.patches import Patches, PatchPlan
from nodewise.recipes.three_step.nodes import PHANTOM

PLAN, PATCH = PHANTOM.plan, PHANTOM.patch
BATCH, CLASSES, NODE = 2, PLAN.auxiliary, 1
SHAPE, SPACING, CASES = (200, 180, 170), (1.5, 1.5, 1.5), 4
WINDOWS = PHANTOM.preparation.windows
RATE, WARM = 1e-3, 3
TARGET = 2.0  # times as fast as MONAI
Floats = npt.NDArray[np.float32]


def windows(image: Floats) -> Floats:
    """HU (1, x, y, z) to both windows (2, x, y, z), 0 to 1."""
    return np.concatenate([np.clip((image - low) / (high - low), 0, 1) for low, high in WINDOWS])


def draw(files: CaseFiles) -> Case:
    """A chest-sized case of slow noise, in blobs of eleven classes; small ones are nodes."""
    rng = np.random.default_rng(int(files.name))
    slow = ndimage.gaussian_filter(rng.standard_normal(SHAPE).astype(np.float32), 6)
    order = np.digitize(slow, np.quantile(slow[::4, ::4, ::4], np.linspace(0, 1, CLASSES)[1:-1]))
    labels = np.where(order == NODE, 0, order).astype(np.uint8)
    for centre in rng.uniform(20, np.array(SHAPE) - 20, (25, 3)):
        at = np.indices((13, 13, 13)) - 6
        box = tuple(slice(int(c) - 6, int(c) + 7) for c in centre)
        labels[box][np.sqrt((at**2).sum(axis=0)) < rng.uniform(2, 6)] = NODE
    hu = rng.uniform(-200, 250, CLASSES)[labels] + 15 * rng.standard_normal(SHAPE)
    return Case(np.asfortranarray(hu.astype(np.int16))[None], (np.asfortranarray(labels),), SPACING)


def loss(outputs: Any, classes: Tensor) -> Tensor:
    """Binary cross-entropy of node, and cross-entropy of all classes at half resolution."""
    logits, every = outputs
    known, target = (classes != 255).float(), (classes == NODE).float()
    node = functional.binary_cross_entropy_with_logits(logits[:, 0].float(), target, known)
    return node + functional.cross_entropy(every.float(), classes[:, ::2, ::2, ::2].long(), ignore_index=255)


def ours(cases: tuple[CachedCase, ...], steps: int, workers: int) -> float:
    """Patches a second of nodewise."""
    patches = Patches(cases, PatchPlan(PATCH, BATCH, augmentation=NNUNET, swaps=(None,)), prepare=windows)
    plan = FitPlan(steps + WARM, RATE, precision="auto", workers=workers)
    ticks: list[float] = []
    with tempfile.TemporaryDirectory() as out:
        fit(
            build_network(PLAN, 0),
            patches,
            loss,
            plan,
            Path(out),
            progress=lambda _now: ticks.append(time.perf_counter()),
        )
    return rate(ticks)


def peer(cases: tuple[CachedCase, ...], steps: int, workers: int) -> float:
    """Patches a second of MONAI's loader and plain torch."""
    network = build_network(PLAN, 0)
    network.layout = torch.contiguous_format
    network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(network.parameters(), RATE)
    ticks: list[float] = []
    for image, classes in monai_batches(cases, steps + WARM, workers):
        step(network, optimizer, image, classes)
        ticks.append(time.perf_counter())
    return rate(ticks)


def step(network: nn.Module, optimizer: torch.optim.Optimizer, image: Tensor, classes: Tensor) -> None:
    """One of plain torch."""
    network.train()
    optimizer.zero_grad(set_to_none=True)
    loss(network(image), classes).backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
    optimizer.step()


def monai_batches(cases: tuple[CachedCase, ...], steps: int, workers: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Its standard loader: everything before the first random transform is cached in memory."""
    from monai.data import CacheDataset, DataLoader

    rows = [
        {
            "image": windows(np.asarray(case.image(), np.float32)),
            "label": np.ascontiguousarray(case.labels()[0])[None],
        }
        for case in cases
    ]
    data = CacheDataset(rows * math.ceil(steps * BATCH / len(rows)), monai_transforms(), num_workers=0, progress=False)
    for batch in DataLoader(data, batch_size=BATCH, shuffle=True, num_workers=workers):
        yield batch["image"].as_tensor(), batch["label"][:, 0].as_tensor()


def monai_transforms() -> Any:
    """NNUNET in MONAI's words."""
    from monai import transforms as m

    both, s = ("image", "label"), NNUNET.spatial
    i, angle = NNUNET.intensity, math.radians(s.rotation_deg[0])
    return m.Compose(
        [
            m.EnsureTyped(both),
            m.RandCropByPosNegLabeld(both, "label", PATCH, pos=1, neg=2),
            m.RandAffined(
                both,
                prob=1 - (1 - s.rotation) * (1 - s.scaling),
                rotate_range=(angle,) * 3,
                scale_range=((s.magnification[0] - 1, s.magnification[1] - 1),) * 3,
                mode=("bilinear", "nearest"),
                padding_mode="border",
            ),
            *(m.RandFlipd(both, prob=s.flips[axis], spatial_axis=axis) for axis in range(3)),
            m.RandGaussianNoised("image", prob=i.noise, std=i.noise_sd[1]),
            m.RandGaussianSmoothd("image", *(i.blur_voxels,) * 3, prob=i.blur),
            m.RandScaleIntensityd("image", prob=i.brightness, factors=0.25),
            m.RandScaleIntensityFixedMeand("image", prob=i.contrast, factors=0.25, preserve_range=True),
            m.RandSimulateLowResolutiond("image", prob=i.low_resolution, zoom_range=i.low_resolution_limits),
            m.RandAdjustContrastd(
                "image", prob=i.inverted_gamma, gamma=i.gamma_limits, invert_image=True, retain_stats=True
            ),
            m.RandAdjustContrastd("image", prob=i.gamma, gamma=i.gamma_limits, retain_stats=True),
        ]
    )


def rate(ticks: list[float]) -> float:
    """Patches a second after the first steps."""
    return BATCH * (len(ticks) - WARM) / (ticks[-1] - ticks[WARM - 1])


def loading(cases: tuple[CachedCase, ...], count: int) -> tuple[float, float]:
    """Seconds of processor time a patch takes to be made, ours and MONAI's, in one thread."""
    patches = Patches(cases, PatchPlan(PATCH, BATCH, augmentation=NNUNET, swaps=(None,)), prepare=windows)
    spent = []
    for batches in (map(patches, range(count + 1)), monai_batches(cases, count + 1, 0)):
        next(batches)
        start = time.process_time()
        for _ in range(count):
            next(batches)
        spent.append((time.process_time() - start) / (count * BATCH))
    return spent[0], spent[1]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=20, help="counted in each turn (default 20)")
    parser.add_argument("--rounds", type=int, default=2, help="turns of each (default 2)")
    parser.add_argument("--workers", type=int, default=1, help="that make batches ahead, of both (default 1)")
    parser.add_argument("--threads", type=int, default=2, help="processor threads of torch (default 2)")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / str(n) for n in range(CASES)]
        for path in paths:
            path.write_text(path.name)
        files = [CaseFiles(path.name, "drawn", (path,)) for path in paths]
        cases = cached(files, draw, "bench", Path(folder) / "cache")
        made = loading(cases, 10)
        print(f"a patch is made in {made[0] * 1e3:.0f} ms of processor time, MONAI {made[1] * 1e3:.0f} ms", flush=True)
        runs: tuple[tuple[str, Callable[..., float]], ...] = (("nodewise", ours), ("MONAI", peer))
        rates: dict[str, list[float]] = {name: [] for name, _ in runs}
        for _ in range(asked.rounds):
            for name, run in runs:
                rates[name].append(run(cases, asked.steps, asked.workers))
                print(f"{name:10s}{rates[name][-1]:7.2f} patches a second", flush=True)
    mean = {name: float(np.mean(values)) for name, values in rates.items()}
    ratio = mean["nodewise"] / mean["MONAI"]
    print(f"nodewise trains {ratio:.2f} times as fast; target {TARGET:g}: {'met' if ratio >= TARGET else 'missed'}")


if __name__ == "__main__":
    main()

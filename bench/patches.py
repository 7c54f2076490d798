"""Training patches a second: appearance redrawn by nodewise, and by scipy.ndimage over the same geometry.

    python bench/patches.py
    python bench/patches.py --processes 2 --seconds 10
    python bench/patches.py --device cuda

A patch is 64×96×96 voxels of 1.5 mm out of a drawn mediastinum: new densities, texture, motion, streaks, kernel,
slices and noise at each visit. The straightforward redraw does less (no motion, streaks, inflow or overshoot): it
smooths fresh noise for the texture, blurs with gaussian_filter, averages with uniform_filter1d.
Seconds are told by the clock and of processor time: on a busy machine only the latter says what the code costs.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from collections.abc import Callable

import numpy as np
from scipy import ndimage

from nodewise.phantom.chest import make_chest
from nodewise.phantom.geometry import Geometry
from nodewise.phantom.patches import PatchSource
from nodewise.phantom.scan.protocol import draw_protocol
from nodewise.phantom.scan.tissue import draw_appearance
from nodewise.values.box import Box

PATCH = (96, 96, 64)


def straightforward(geometry: Geometry, rng: np.random.Generator) -> np.ndarray:
    """A patch of HU, (x, y, z), the plain way."""
    start = [int(rng.integers(max(1, n - p + 1))) for n, p in zip(geometry.grid.shape, PATCH, strict=True)]
    stop = [a + p for a, p in zip(start, PATCH, strict=True)]
    part = geometry.crop(Box((start[0], start[1], start[2]), (stop[0], stop[1], stop[2])).clipped(geometry.grid.shape))
    look, protocol, spacing = draw_appearance(rng), draw_protocol(rng), geometry.grid.spacing[0]
    slow, fine = (
        ndimage.gaussian_filter(rng.standard_normal(part.grid.shape), 0.4 * mm / spacing) for mm in (15.0, 4.0)
    )
    own = look.hu[part.tissue] + look.slow[part.tissue] * slow / slow.std() + look.fine[part.tissue] * fine / fine.std()
    share = part.share / 255
    image = own * share + look.hu[part.other] * (1 - share)
    image = ndimage.gaussian_filter(image, (protocol.blur_mm / spacing,) * 2 + (0,))
    image = ndimage.uniform_filter1d(image, max(1, round(protocol.slice_mm / spacing)), axis=2)
    noise = ndimage.gaussian_filter(rng.standard_normal(part.grid.shape), (protocol.grain_mm / spacing,) * 2 + (0,))
    return np.asarray(image + protocol.noise_hu * noise / noise.std(), np.float32)


def rate(draw: Callable[[], object], seconds: float) -> np.ndarray:
    """Calls a second: by the clock, and of processor time."""
    draw()
    draw()
    start, busy, count = time.perf_counter(), time.process_time(), 0
    while time.perf_counter() - start < seconds:
        draw()
        count += 1
    return count / np.array([time.perf_counter() - start, time.process_time() - busy])


def told(who: str, rates: np.ndarray) -> None:
    """Print a rate."""
    print(f"{who:28s}{rates[0]:7.1f} patches a second, {rates[1]:.1f} a second of processor time", flush=True)


def work(seed: int, seconds: float) -> np.ndarray:
    """Patches a second of one process."""
    source, rng = (
        PatchSource([make_chest(seed, 1.5, mediastinum_only=True).geometry], PATCH),
        np.random.default_rng(seed),
    )
    return rate(lambda: source.draw(rng), seconds)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Training patches of 64x96x96 a second.")
    parser.add_argument("--processes", type=int, default=2, help="that draw patches at the same time (default 2)")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each measurement (default 10)")
    parser.add_argument("--device", default="", help="a torch device to redraw on too, such as cuda")
    asked = parser.parse_args()
    geometry = make_chest(1, 1.5, mediastinum_only=True).geometry
    source, rng = PatchSource([geometry], PATCH), np.random.default_rng(0)
    plain = rate(lambda: straightforward(geometry, rng), asked.seconds)
    ours = rate(lambda: source.draw(rng), asked.seconds)
    told("scipy.ndimage, one process", plain)
    told("nodewise, one process", ours)
    print(f"nodewise redraws {ours[1] / plain[1]:.1f} times as many in the same processor time")
    with multiprocessing.get_context("spawn").Pool(asked.processes) as pool:
        rates = pool.starmap(work, [(n, asked.seconds) for n in range(1, asked.processes + 1)], chunksize=1)
    together, cores = sum(r[0] for r in rates), sum(r[1] for r in rates)
    told(f"nodewise, {asked.processes} processes", np.array([together, cores]))
    if asked.device:
        import torch

        def on_device() -> None:
            source.draw_on(asked.device, rng)[0].sum().item()  # waits for the device

        told(f"nodewise, {torch.device(asked.device)}", rate(on_device, asked.seconds))


if __name__ == "__main__":
    main()

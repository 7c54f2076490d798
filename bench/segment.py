"""Seconds to segment one scan: ours beside MONAI's sliding window over the whole of it, in float32 in plain torch.

    python bench/segment.py scans/anna
    python bench/segment.py scans/anna --threads 2 --model runs/first/model

Both have the same network and the same scan, already at the network's spacing, in one process, one after the other.
Ours lays windows over the mediastinum alone, and OpenVINO computes them. Processor seconds are of all threads together:
they mind less what else the machine does. Dice is of the voxels found, inside the box.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from nodewise.anatomy.read import read_anatomy
from nodewise.cli.options import use_threads
from nodewise.image.resample import resample
from nodewise.io.folder import read_study
from nodewise.learn.log_odds import LogOdds
from nodewise.learn.runtime import runtime
from nodewise.models.bundle import Bundle, bundled_models, load_bundle
from nodewise.models.preparation import Preparation
from nodewise.recipes.load import DEFAULT, load_pipeline
from nodewise.values.anatomy import Anatomy
from nodewise.values.study import Study
from nodewise.values.volume import Volume

OVERLAP = 0.5
TARGET, LEAST_DICE = 10.0, 0.99  # times as fast as MONAI, with the same voxels found


@dataclass(frozen=True, slots=True)
class Spent:
    """Of the clock, and of the processor's threads together."""

    wall: float
    processor: float


def timed(work: Callable[[], Any]) -> tuple[Any, Spent]:
    """What comes out, and what it took."""
    wall, processor = time.perf_counter(), time.process_time()
    answer = work()
    return answer, Spent(time.perf_counter() - wall, time.process_time() - processor)


def bundle_of(model: str) -> Bundle:
    """The bundled model of this name, or the one in this folder."""
    if Path(model).is_dir():
        return load_bundle(Path(model))
    return next(b for b in bundled_models() if b.name == (DEFAULT if model == "default" else model))


def preparation_of(bundle: Bundle) -> Preparation:
    """What the network of nodes is given."""
    preparation = bundle.step("nodes").preparation.build()
    if not isinstance(preparation, Preparation):
        raise SystemExit(f"{bundle.name} is not prepared by nodewise's own recipe")
    return preparation


def whole_scan(ct: Volume, bundle: Bundle) -> npt.NDArray[np.float32]:
    """The probability of node on every voxel, by MONAI."""
    from monai.inferers.utils import sliding_window_inference

    predict = runtime([LogOdds(bundle.networks("nodes"))], runtime="torch", half=False)
    image = torch.from_numpy(preparation_of(bundle).channels(ct.array))[None]
    with torch.inference_mode():  # it multiplies what the network answers in place
        found: Any = sliding_window_inference(image, bundle.step("nodes").window, 1, predict, OVERLAP, mode="gaussian")
        return np.asarray(found[0, 0].sigmoid_().numpy())


def ours(study: Study, anatomy: Anatomy, model: str) -> Mapping[str, tuple[Volume, Spent]]:
    """Twice: with nothing compiled before, and with it compiled, as it is from the second scan on."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in ("compiling", "compiled"):
            pipeline = load_pipeline(model, "cpu", cache=Path(folder))
            found[name] = timed(partial(pipeline.segment, study, anatomy))
    return found


def dice(a: npt.NDArray[np.bool_], b: npt.NDArray[np.bool_]) -> float:
    """Twice the common voxels over the sum of both."""
    return float(2 * (a & b).sum() / max(a.sum() + b.sum(), 1))


def verdict(times: float, agreed: float) -> str:
    """Whether the targets are met, each beside what it is held against; of the clock's seconds."""
    fast, same = ("met" if met else "missed" for met in (times >= TARGET, agreed >= LEAST_DICE))
    return f"target {TARGET:g} times: {fast} ({times:.1f}); Dice {LEAST_DICE:g}: {same} ({agreed:.4f})"


def arguments() -> argparse.Namespace:
    """What was typed."""
    parser = argparse.ArgumentParser(description="Seconds to segment one scan, and their ratio to MONAI's.")
    parser.add_argument("input", type=Path, metavar="INPUT", help="DICOM folder, or NIfTI, NRRD or MHA file")
    parser.add_argument("--model", default="default", help="name of a bundled model, or a model folder")
    parser.add_argument("--threads", type=int, default=None, help="processor threads of both (default: all)")
    return parser.parse_args()


def main() -> None:
    """Measure and print."""
    asked = arguments()
    use_threads(asked.threads)
    bundle = bundle_of(asked.model)
    threshold = bundle.step("nodes").threshold or 0.5
    study = read_study(asked.input)
    anatomy = read_anatomy(study)
    ct = resample(study.ct, study.ct.grid.resampled(preparation_of(bundle).spacing_mm))
    study = replace(study, ct=ct)
    found = ours(study, anatomy, asked.model)
    theirs, whole = timed(lambda: whole_scan(ct, bundle))
    print(f"{'x'.join(map(str, ct.array.shape))} voxels, {torch.get_num_threads()} threads; seconds: wall, processor")
    print(f"MONAI, whole scan, torch float32     {whole.wall:8.1f} {whole.processor:8.1f}")
    for name, (volume, spent) in found.items():
        box = ct.grid.box_of(volume.grid)
        agreed = dice(*(array >= threshold for array in (volume.array, theirs[box.slices])))
        ratio = f"{whole.wall / spent.wall:.1f} and {whole.processor / spent.processor:.1f} times"
        print(f"nodewise, {name:26} {spent.wall:8.1f} {spent.processor:8.1f}   {ratio}, Dice {agreed:.4f}")
        print(f"  {verdict(whole.wall / spent.wall, agreed)}")


if __name__ == "__main__":
    main()

"""A segmentation network that nnU-Net v2 trained, imported, with everything after it as in the other recipes.

Isensee, Jaeger, Kohl, Petersen and Maier-Hein. nnU-Net: a self-configuring method for deep learning-based biomedical
image segmentation. Nature Methods 18, 203-211, 2021, doi:10.1038/s41592-020-01008-z.

The paper reports no lymph nodes; how well a model does is for its makers to say. It is trained by nnU-Net itself.

Differences from the paper:
    - the answer is a probability: with several labels a voxel is node where node has at least one half, not where it
      is merely the likeliest;
    - nodes are separated, measured, named and judged afterwards, as in every recipe.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from nodewise.models.bundle import load_bundle
from nodewise.models.nnunet import STEP, THRESHOLD, load_nnunet
from nodewise.values.pipeline import Pipeline

if TYPE_CHECKING:
    from nodewise.learn.runtime import Runtime


def pipeline(
    folder: Path, device: str, runtime: Runtime = "auto", cache: Path | None = None, *, bulk: bool = True
) -> Pipeline:
    """The imported networks in ``folder``, on ``device``; malignancy by size, with ``bulk`` 1 above 30 mm."""
    from nodewise.anatomy.read import read_anatomy
    from nodewise.nodes.suspicion import size_suspicion

    bundle = load_bundle(folder)
    model = bundle.model
    threshold = bundle.step(STEP).threshold
    return Pipeline(
        read_anatomy=read_anatomy,
        segment=load_nnunet(bundle, device, runtime=runtime, cache=cache),
        malignancy=partial(size_suspicion, bulk=bulk),
        threshold=THRESHOLD if threshold is None else threshold,
        minimum_short_axis_mm=model.minimum_short_axis_mm,
        name=model.name,
        weights_sha256=model.weights_sha256,
        trained_on=model.trained_on,
        device=device,
        bulk=bulk,
    )

"""P3, from a model folder to a pipeline."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from nodewise.models.bundle import Bundle, load_bundle
from nodewise.models.preparation_file import ATLAS_FILE, PriorFile
from nodewise.recipes.atlas_prior.after import After
from nodewise.recipes.atlas_prior.registered import node_atlas
from nodewise.recipes.atlas_prior.segment import PriorSegmenter, prior_segmenter
from nodewise.values.errors import BadInputError
from nodewise.values.pipeline import Pipeline, unchanged

if TYPE_CHECKING:
    from nodewise.learn.runtime import Runtime


def pipeline(
    folder: Path,
    device: str,
    runtime: Runtime = "auto",
    cache: Path | None = None,
    *,
    mirrored: bool = False,
    bulk: bool = True,
) -> Pipeline:
    """The network, or ensemble, in ``folder``; stations by landmarks, malignancy by size.

    Args:
        folder: of the model.
        device: as ``choose_device`` gives it.
        runtime: of the networks, see ``nodewise.learn.runtime``.
        cache: folder in which compiled networks are kept.
        mirrored: average windows over their mirror images.
        bulk: call a node of more than 30 mm metastatic.

    Raises:
        BadInputError: the folder is damaged, or is no model of this recipe.
    """
    from nodewise.anatomy.read import read_anatomy
    from nodewise.nodes.suspicion import size_suspicion

    bundle = load_bundle(folder)
    model = bundle.model
    segmenter = segmenter_of(bundle, device, runtime, cache, mirrored=mirrored)
    return Pipeline(
        read_anatomy=read_anatomy,
        complete=node_atlas(bundle.folder / ATLAS_FILE).lay if ATLAS_FILE in bundle.beside else unchanged,
        segment=segmenter,
        malignancy=partial(size_suspicion, bulk=bulk),
        threshold=segmenter.after.threshold,
        minimum_short_axis_mm=model.minimum_short_axis_mm,
        name=model.name,
        weights_sha256=model.weights_sha256,
        trained_on=model.trained_on,
        device=device,
        mirrored=mirrored,
        bulk=bulk,
    )


def segmenter_of(
    bundle: Bundle, device: str, runtime: Runtime = "auto", cache: Path | None = None, *, mirrored: bool = False
) -> PriorSegmenter:
    """The step ``nodes`` of a model, ready for use.

    Raises:
        BadInputError: it is no step of this recipe.
    """
    step = bundle.step("nodes")
    kept = step.preparation
    if not isinstance(kept, PriorFile) or len(step.outputs) != 2:
        raise BadInputError(f"{bundle.folder}: the recipe atlas_prior does not prepare scans as a {kept.kind}")
    preparation = kept.build()
    if preparation.count != getattr(step.plan, "in_channels", 0):
        raise BadInputError(f"{bundle.folder}: the network's channels are not those of its preparation")
    after = after_of(bundle)
    return prior_segmenter(
        bundle.networks("nodes", device),
        preparation,
        step.window,
        after,
        flips=(0, 1, 2) if mirrored else (),
        runtime=runtime,
        device=device,
        cache=cache,
    )


def after_of(bundle: Bundle) -> After:
    """The post-processing that a model was saved with.

    Raises:
        BadInputError: it is no model of this recipe.
    """
    step = bundle.step("nodes")
    kept = step.preparation
    if not isinstance(kept, PriorFile):
        raise BadInputError(f"{bundle.folder}: the recipe atlas_prior does not prepare scans as a {kept.kind}")
    return After(
        threshold=0.5 if step.threshold is None else step.threshold,
        diameter_mm=bundle.model.minimum_short_axis_mm,
        prior_share=kept.prior_share,
        hull=kept.hull,
    )

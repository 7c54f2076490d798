"""A model that nnU-Net v2 trained becomes a model folder, and predicts without nnU-Net.

Isensee, Jaeger, Kohl, Petersen and Maier-Hein. nnU-Net: a self-configuring method for deep learning-based biomedical
image segmentation. Nature Methods 18, 2021. Measured against nnunetv2 2.8.1; see ``tests/golden/nnunet``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from nodewise.models.bundle import Bundle, save_bundle
from nodewise.models.model_file import ModelFile, StepFile, check_words
from nodewise.models.nnunet_checkpoint import Checkpoint, read_checkpoint
from nodewise.models.nnunet_file import NnUNetFile, describe_nnunet
from nodewise.models.nnunet_labels import Labels
from nodewise.models.nnunet_plans import Configuration, read_configuration
from nodewise.models.nnunet_predict import NnUNet
from nodewise.models.nnunet_window import averaged
from nodewise.models.plan_file import UNetFile, describe_plan
from nodewise.values.errors import BadInputError

if TYPE_CHECKING:
    from torch import Tensor

    from nodewise.learn.runtime import Runtime

STEP, BEFORE = "nodes", "before"
THRESHOLD = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """A configuration and the checkpoints of its folds."""

    configuration: Configuration
    folds: tuple[str, ...]
    checkpoints: tuple[Checkpoint, ...]

    @property
    def weights(self) -> list[dict[str, Tensor]]:
        """One a fold."""
        return [checkpoint.weights for checkpoint in self.checkpoints]


def import_nnunet(  # noqa: PLR0913 - what a person may choose
    folder: Path,
    out: Path,
    *,
    name: str | None = None,
    folds: tuple[str, ...] = (),
    configuration: str | None = None,
    checkpoint: str = "checkpoint_final.pth",
    label: int = 1,
    licence: str = "unknown",
    mirroring: bool = True,
    orientation: str = "LPS",
) -> Bundle:
    """Make a model folder of a trained model of nnU-Net v2.

    Args:
        folder: nnU-Net's ``Trainer__Plans__configuration``: plans.json, dataset.json, fold_0, fold_1 and so on. For
            3d_cascade_fullres the folder of the stage before must lie beside it; all its folds are taken.
        out: the model folder, new or to be replaced.
        name: of the model; the data set's and the configuration's unless given.
        folds: 0 to 4 or all; every one that is there unless given, ``all`` only where there is no other.
        configuration: that of the checkpoints unless given.
        checkpoint: checkpoint_final.pth or checkpoint_best.pth.
        label: which label is node; where labels are regions, the one that the region paints.
        licence: of the weights.
        mirroring: predict every mirrored window too, as nnU-Net does, and take up to eight times as long.
        orientation: which way the array axes of the training files run, to the sides of three letters: LPS as DICOM
            has it, RAS as most NIfTI files do. nnU-Net does not keep it.

    Raises:
        BadInputError: something is missing, damaged or unknown here; one line says what and where.
    """
    trained = read_trained(folder, folds, configuration, checkpoint)
    chosen = trained.configuration
    _check(chosen.labels, label, orientation, folder)
    steps = {STEP: _step(trained, label, mirroring, orientation, BEFORE if chosen.before else None)}
    weights = {STEP: trained.weights}
    if chosen.before:
        beside = folder.parent / "__".join((*folder.name.split("__")[:-1], chosen.before))
        if not beside.is_dir():
            raise BadInputError(f"{folder} is the second stage of a cascade: put the first, {beside.name}, beside it")
        first = read_trained(beside, (), chosen.before, checkpoint)
        if first.configuration.labels.foreground != chosen.labels.foreground:
            raise BadInputError(f"{beside} has other labels than {folder}: they are no cascade")
        steps[BEFORE] = _step(first, first.configuration.labels.painted[-1], mirroring, orientation, None)
        weights[BEFORE] = first.weights
    title = name or _title(folder, chosen.name)
    check_words(title, licence)
    model = ModelFile(
        name=title,
        recipe="nnunet",
        steps=steps,
        minimum_short_axis_mm=0,
        trained_on=f"The network was trained by nnU-Net ({trained.checkpoints[0].trainer}) on data that nodewise has "
        "not seen, and was imported.",
        versions={"nodewise": version("nodewise")},
        licence=licence,
        command=f"nodewise models import-nnunet {folder.name}",
    )
    return save_bundle(out, model, weights, _card(model, trained, label, orientation), exact=True)


def _check(labels: Labels, label: int, orientation: str, folder: Path) -> None:
    if label not in labels.painted or (label == 0 and not labels.regions):
        there = ", ".join(f"{n} {name}" for n, name in zip(labels.painted, labels.names, strict=True) if n)
        raise BadInputError(f"{folder / 'dataset.json'} has no label {label} that could be node: choose one of {there}")
    if sorted("LRPASI".find(side) // 2 for side in orientation) != [0, 1, 2]:
        raise BadInputError(f"the orientation {orientation} is not three sides, one an axis: such as LPS or RAS")


def read_trained(folder: Path, folds: tuple[str, ...], configuration: str | None, checkpoint: str) -> Trained:
    """A trained model's folder, read and held against itself.

    Raises:
        BadInputError: something is missing, damaged or unknown here, or the weights are not of that network.
    """
    if not folder.is_dir():
        raise BadInputError(f"{folder}: there is no such folder")
    chosen = folds or _folds(folder, checkpoint)
    each = tuple(read_checkpoint(folder / f"fold_{fold}" / checkpoint) for fold in chosen)
    names = sorted({one.configuration for one in each})
    if configuration is None and len(names) > 1:
        raise BadInputError(f"{folder} holds folds of different configurations, {', '.join(names)}: choose folds")
    made = read_configuration(folder, configuration or names[0])
    for fold, one in zip(chosen, each, strict=True):
        _check_weights(made, one, folder / f"fold_{fold}" / checkpoint)
    return Trained(made, chosen, each)


def load_nnunet(
    bundle: Bundle, device: str = "cpu", *, runtime: Runtime = "torch", cache: Path | None = None, step: str = STEP
) -> NnUNet:
    """The networks of an imported model, ready for a CT.

    Args:
        bundle: as ``import_nnunet`` makes it.
        device: cpu, cuda, cuda:1 or mps.
        runtime: what computes on a CPU, in float32 as nnU-Net does: torch, openvino, or auto for the quicker.
        cache: folder in which OpenVINO keeps compiled networks; None keeps none.
        step: of the bundle.

    Raises:
        BadInputError: the model was not made by nnU-Net, or is not whole; or there is no OpenVINO.
    """
    from nodewise.learn.runtime import runtime as compiled

    made = bundle.step(step)
    kept = made.preparation
    if not isinstance(kept, NnUNetFile) or not isinstance(made.plan, UNetFile):
        raise BadInputError(f"{bundle.folder}: its step {step} did not come from nnU-Net: choose another model")
    more = len(kept.foreground) if kept.before else 0
    if made.plan.in_channels != 1 + more or len(made.outputs) != len(kept.painted) or kept.dimension != len(made.patch):
        raise BadInputError(f"{bundle.folder}: the network of its step {step} does not fit its preparation")
    if step == BEFORE and kept.before:
        raise BadInputError(f"{bundle.folder}: a cascade has two stages, and its step {step} names a third")
    networks = bundle.networks(step, device)
    ours = runtime == "torch" or device != "cpu"
    return NnUNet(
        predict=averaged(networks, device) if ours else compiled(networks, runtime=runtime, half=False, cache=cache),
        preparation=kept.build(),
        patch=made.patch,
        labels=kept.read_outputs(made.outputs),
        mirror_axes=kept.mirror_axes,
        node=kept.node,
        orientation=kept.orientation,
        device=device,
        before=load_nnunet(bundle, device, runtime=runtime, cache=cache, step=BEFORE) if kept.before else None,
    )


def _folds(folder: Path, checkpoint: str) -> tuple[str, ...]:
    there = sorted(path.parent.name.removeprefix("fold_") for path in folder.glob(f"fold_*/{checkpoint}"))
    chosen = tuple(fold for fold in there if fold != "all") or tuple(there)
    if not chosen:
        raise BadInputError(f"{folder} has no fold with a {checkpoint}: train one to its end, or name the checkpoint")
    return chosen


def _check_weights(made: Configuration, checkpoint: Checkpoint, path: Path) -> None:
    import torch

    from nodewise.learn.network import UNet

    try:
        with torch.device("meta"):
            network = UNet(made.network)
        network.load_state_dict(checkpoint.weights, assign=True)
    except RuntimeError as error:
        raise BadInputError(
            f"{path}: its weights do not fit the network of plans.json; {checkpoint.trainer} may build another"
        ) from error


def _step(trained: Trained, node: int, mirroring: bool, orientation: str, before: str | None) -> StepFile:
    made = trained.configuration
    axes = trained.checkpoints[0].mirror_axes if mirroring else ()
    kept = describe_nnunet(
        made.preparation, made.labels, node=node, mirror_axes=axes, orientation=orientation, before=before
    )
    return StepFile(
        kind="unet",
        plan=describe_plan(made.network),
        preparation=kept,
        patch=made.patch,
        outputs=made.labels.names,
        threshold=THRESHOLD,
    )


def _title(folder: Path, configuration: str) -> str:
    return re.sub(r"[^\w .+-]", "-", f"{folder.resolve().parent.name}-{configuration}").lstrip(" .+-")[:100]


def _card(model: ModelFile, trained: Trained, label: int, orientation: str) -> str:
    made = trained.configuration
    node = made.labels.names[made.labels.painted.index(label)]
    kind = "residual encoder" if made.network.residual else "plain"
    return f"""# {model.name}

A model of nnU-Net v2, imported. **Research use only**; not a medical device. nodewise has measured nothing on it: what
it was trained on and how well it does is for its makers to say.

- {kind.capitalize()} U-Net, configuration {made.name}, folds {", ".join(trained.folds)}{
        f", after {made.before}" if made.before else ""
    }; trained by {trained.checkpoints[0].trainer}.
- Node is label {label}, "{node}"; a voxel is node from a probability of {THRESHOLD}.
- The array axes of the training files are taken to run to {orientation}. nnU-Net does not keep this: where it is wrong,
  import again with the right letters.
- Licence: {model.licence}.
"""

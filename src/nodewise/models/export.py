"""A model for others to use: its folder copied, or its networks as OpenVINO IR, which other programs can run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from nodewise.io.whole import require_outside, whole
from nodewise.models.bundle import Bundle, load_bundle
from nodewise.models.model_file import StepFile


def copy_model(bundle: Bundle, out: Path, *, overwrite: bool = False) -> Bundle:
    """The model's own files in another folder, complete or not at all, and checked once more.

    Raises:
        BadInputError: ``out`` cannot be written, holds something, or holds the model itself.
    """
    require_outside(out, bundle.folder)
    files = [file.name for step in bundle.model.steps.values() for file in step.weights]
    with whole(out, overwrite=overwrite) as aside:
        for name in dict.fromkeys((*files, *bundle.beside, "card.md", "model.json")):
            shutil.copyfile(bundle.folder / name, aside / name)
        load_bundle(aside)
    return load_bundle(out)


def export_openvino(bundle: Bundle, out: Path, *, overwrite: bool = False) -> list[Path]:
    """Each network as OpenVINO IR (``.xml`` and ``.bin``, float32), with a ``.json`` that says how to use it.

    Returns:
        The ``.xml`` files.

    Raises:
        BadInputError: as ``copy_model``.
    """
    from nodewise.learn.openvino import save_openvino

    require_outside(out, bundle.folder)
    written = []
    with whole(out, overwrite=overwrite) as aside:
        for name, step in bundle.model.steps.items():
            shape = (1, step.plan.in_channels, *step.patch)
            for file, network in zip(step.weights, bundle.networks(name), strict=True):
                path = aside / Path(file.name).with_suffix(".xml")
                save_openvino(network, shape, path)
                use = json.dumps(_use(bundle, name, step, file.sha256), indent=2)
                path.with_suffix(".json").write_text(use + "\n", encoding="utf-8")
                written.append(out / path.name)
        (aside / "card.md").write_text(bundle.card, encoding="utf-8")
    return written


def _use(bundle: Bundle, name: str, step: StepFile, sha256: str) -> dict[str, object]:
    """What a program needs to feed the network and to read its answer."""
    model, axes = bundle.model, ", ".join("xyz"[: len(step.patch)])
    way = "x to the patient's left, y to the back, z to the head"
    if step.preparation.kind == "nnunet":
        axes, way = ", ".join("abc"[: len(step.patch)]), "the patch's axes, as nnU-Net's transpose orders them"
    answer = "(batch,)" if step.kind == "resnet" else f"(batch, outputs, {axes})"
    return {
        "model": model.name,
        "step": name,
        "input": f"float32 (batch, channels, {axes}); {way}",
        "output": f"logits {answer}",
        "networks": len(step.weights),
        **step.model_dump(mode="json", include={"preparation", "patch", "outputs", "threshold", "calibration"}),
        "heads": list(getattr(step.plan, "heads", (len(step.outputs),))),
        "weights_sha256": sha256,
        "trained_on": model.trained_on,
        "licence": model.licence,
        "research_use_only": True,
    }

"""Makes the models, images and predictions in this folder with nnU-Net itself.

Made with nnunetv2 2.8.1, dynamic-network-architectures 0.4.4, batchgenerators 0.25.5, batchgeneratorsv2 0.3.6,
acvl-utils 0.2.6, scikit-image 0.26.0, torch 2.13.0 and numpy 2.4.6, on a CPU in a few minutes. In a virtual
environment of its own, never in that of nodewise::

    pip install torch==2.13.0 scikit-image scikit-learn pandas matplotlib seaborn blosc2 batchgenerators
    pip install SimpleITK nibabel tifffile imagecodecs requests yacs graphviz tqdm einops connected-components-3d
    pip install --no-deps nnunetv2==2.8.1 dynamic-network-architectures==0.4.4 batchgeneratorsv2 acvl-utils==0.2.6
    python tests/golden/nnunet/make.py [plain residual cascade flat]

(timm and torchvision may stay out: the U-Nets do not use them.) Five drawn volumes of each of two kinds are
preprocessed, learnt from and predicted by nnU-Net's own code, with networks so small that the weights can be kept:

- plain: PlainConvUNet, 3d_fullres, plans.json of the old style, two folds; three labels; CTNormalization.
- residual: ResidualEncoderUNet, 3d_fullres, fold all; thick sagittal slices (transposed axes, slices resampled each
  on its own), kernels of (1, 3, 3), regions, ZScoreNormalization inside the nonzero mask, a border of zeros.
- cascade: 3d_lowres with a patch larger than the volume, then 3d_cascade_fullres.
- flat: PlainConvUNet, 2d.

Each volume takes several windows. Checkpoints keep all of nnU-Net's keys; the optimiser's state alone is emptied.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK

HERE = Path(__file__).parent
TRAINER, PLANS = "nnUNetTrainer", "nnUNetPlans"
CASES = 5
Array = np.ndarray


def draw(seed: int, shape: tuple[int, int, int], spacing: tuple[float, float, float]) -> tuple[Array, Array]:
    """HU and labels (1 round, 2 long), both (x, y, z)."""
    rng = np.random.default_rng(seed)
    index = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1) * np.asarray(spacing)
    extent = np.asarray(shape) * np.asarray(spacing)
    labels = np.zeros(shape, dtype=np.uint8)
    for label, count in ((1, 7), (2, 3)):
        for _ in range(count):
            radii = rng.uniform(5, 9, 3) if label == 1 else np.array([4.0, 4.0, 25.0])[rng.permutation(3)]
            middle = rng.uniform(0.15, 0.85, 3) * extent
            labels[(((index - middle) / radii) ** 2).sum(axis=-1) < 1] = label
    hu = np.array([-60.0, 80.0, 220.0])[labels] + rng.normal(0, 25, shape)
    return (np.rint(hu / 8) * 8).astype(np.int16), labels


def write(array: Array, spacing: tuple[float, float, float], path: Path) -> None:
    """(x, y, z) to a NIfTI file whose x and y run to the right and the front, as most do."""
    image = SimpleITK.GetImageFromArray(np.ascontiguousarray(array.T))
    image.SetSpacing(spacing)
    image.SetOrigin((12.0, -7.5, 30.0))
    image.SetDirection((-1, 0, 0, 0, -1, 0, 0, 0, 1))
    SimpleITK.WriteImage(image, str(path), True)


def resampling() -> dict[str, Any]:
    """nnU-Net's default."""
    name, common = "resample_data_or_seg_to_shape", {"order_z": 0, "force_separate_z": None}
    return {
        "resampling_fn_data": name,
        "resampling_fn_data_kwargs": {"is_seg": False, "order": 3, **common},
        "resampling_fn_seg": name,
        "resampling_fn_seg_kwargs": {"is_seg": True, "order": 1, **common},
        "resampling_fn_probabilities": name,
        "resampling_fn_probabilities_kwargs": {"is_seg": False, "order": 1, **common},
    }


def configuration(
    name: str, spacing: list[float], patch: list[int], scheme: str, mask: bool, architecture: dict[str, Any]
) -> dict[str, Any]:
    """One of plans.json."""
    return {
        "data_identifier": f"{PLANS}_{name}",
        "preprocessor_name": "DefaultPreprocessor",
        "batch_size": 2,
        "patch_size": patch,
        "median_image_size_in_voxels": [float(n) for n in patch],
        "spacing": spacing,
        "normalization_schemes": [scheme],
        "use_mask_for_norm": [mask],
        **resampling(),
        "batch_dice": False,
        **architecture,
    }


def architecture(
    network: str, kernels: list[list[int]], strides: list[list[int]], blocks: list[int], decoder: list[int]
) -> dict[str, Any]:
    """As nnU-Net writes it since 2.3."""
    d = len(kernels[0])
    return {
        "architecture": {
            "network_class_name": f"dynamic_network_architectures.architectures.unet.{network}",
            "arch_kwargs": {
                "n_stages": len(kernels),
                "features_per_stage": [4, 8, 8][: len(kernels)],
                "conv_op": f"torch.nn.modules.conv.Conv{d}d",
                "kernel_sizes": kernels,
                "strides": strides,
                "n_conv_per_stage" if network == "PlainConvUNet" else "n_blocks_per_stage": blocks,
                "n_conv_per_stage_decoder": decoder,
                "conv_bias": True,
                "norm_op": f"torch.nn.modules.instancenorm.InstanceNorm{d}d",
                "norm_op_kwargs": {"eps": 1e-05, "affine": True},
                "dropout_op": None,
                "dropout_op_kwargs": None,
                "nonlin": "torch.nn.LeakyReLU",
                "nonlin_kwargs": {"inplace": True},
            },
            "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
        }
    }


def old_architecture(kernels: list[list[int]], strides: list[list[int]], blocks: list[int]) -> dict[str, Any]:
    """The same as nnU-Net wrote it before."""
    return {
        "UNet_class_name": "PlainConvUNet",
        "UNet_base_num_features": 4,
        "n_conv_per_stage_encoder": blocks,
        "n_conv_per_stage_decoder": [1] * (len(blocks) - 1),
        "num_pool_per_axis": [2, 2, 2],
        "pool_op_kernel_sizes": strides,
        "conv_kernel_sizes": kernels,
        "unet_max_num_features": 8,
    }


def plans(dataset: str, forward: list[int], configurations: dict[str, Any], values: Array) -> dict[str, Any]:
    """plans.json."""
    low, high = np.percentile(values, (0.5, 99.5))
    intensity = {
        "max": float(values.max()),
        "mean": float(values.mean()),
        "median": float(np.median(values)),
        "min": float(values.min()),
        "percentile_00_5": float(low),
        "percentile_99_5": float(high),
        "std": float(values.std()),
    }
    return {
        "dataset_name": dataset,
        "plans_name": PLANS,
        "original_median_spacing_after_transp": [1.0, 1.0, 1.0],
        "original_median_shape_after_transp": [32, 48, 40],
        "image_reader_writer": "SimpleITKIO",
        "transpose_forward": forward,
        "transpose_backward": np.argsort(forward).tolist(),
        "configurations": configurations,
        "experiment_planner_used": "ExperimentPlanner",
        "label_manager": "LabelManager",
        "foreground_intensity_properties_per_channel": {"0": intensity},
    }


def make_dataset(root: Path, dataset: str, shape: Any, spacing: Any, border: bool, labels: dict[str, Any]) -> Array:
    """Raw images and labels; returns the values of foreground."""
    values = []
    for folder in ("imagesTr", "labelsTr"):
        (root / "raw" / dataset / folder).mkdir(parents=True)
    for case in range(CASES):
        hu, truth = draw(case, shape, spacing)
        if border:
            for array in (hu, truth):
                array[:, :5], array[:, :, -3:] = 0, 0
        write(hu, spacing, root / "raw" / dataset / "imagesTr" / f"case_{case}_0000.nii.gz")
        write(truth, spacing, root / "raw" / dataset / "labelsTr" / f"case_{case}.nii.gz")
        values.append(hu[truth > 0])
    content: dict[str, Any] = {
        "channel_names": {"0": "CT"},
        "labels": labels,
        "numTraining": CASES,
        "file_ending": ".nii.gz",
    }
    if "any" in labels:
        content["regions_class_order"] = [1, 2]
    for place in ("raw", "preprocessed"):
        (root / place / dataset).mkdir(exist_ok=True, parents=True)
        (root / place / dataset / "dataset.json").write_text(json.dumps(content, indent=1))
    return np.concatenate(values)


def preprocess(root: Path, dataset: str, made: dict[str, Any]) -> None:
    """nnU-Net's preprocessing of every configuration."""
    from nnunetv2.preprocessing.preprocessors.default_preprocessor import DefaultPreprocessor
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    folder = root / "preprocessed" / dataset
    (folder / f"{PLANS}.json").write_text(json.dumps(made, indent=1))
    (folder / "dataset_fingerprint.json").write_text("{}")
    shutil.copytree(root / "raw" / dataset / "labelsTr", folder / "gt_segmentations")
    content = json.loads((root / "raw" / dataset / "dataset.json").read_text())
    manager = PlansManager(made)
    for name in made["configurations"]:
        chosen = manager.get_configuration(name)
        out = root / "preprocessed" / dataset / chosen.data_identifier
        if out.is_dir():
            continue  # a cascade sees the images of another configuration
        out.mkdir()
        for case in range(CASES):
            image = root / "raw" / dataset / "imagesTr" / f"case_{case}_0000.nii.gz"
            label = root / "raw" / dataset / "labelsTr" / f"case_{case}.nii.gz"
            DefaultPreprocessor(verbose=False).run_case_save(
                str(out / f"case_{case}"), [str(image)], str(label), manager, chosen, content
            )


def train(root: Path, dataset: str, name: str, fold: int | str, validate: bool) -> None:
    """nnU-Net's training, 240 steps of it."""
    import torch
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002  nnU-Net draws from it
    made = json.loads((root / "preprocessed" / dataset / f"{PLANS}.json").read_text())
    content = json.loads((root / "raw" / dataset / "dataset.json").read_text())
    trainer = nnUNetTrainer({**made, "continue_training": False}, name, fold, content, device=torch.device("cpu"))
    trainer.num_epochs, trainer.num_iterations_per_epoch, trainer.num_val_iterations_per_epoch = 4, 60, 2
    trainer.initialize()
    trainer.run_training()
    if validate:
        trainer.perform_actual_validation()


def predict(model: Path, folds: tuple[Any, ...], image: Path, out: Path, mirror: bool, before: Path | None) -> None:
    """nnU-Net's own prediction; with mirroring its probabilities too."""
    import torch
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    out.mkdir(parents=True)
    predictor = nnUNetPredictor(use_mirroring=mirror, device=torch.device("cpu"), allow_tqdm=False)
    predictor.initialize_from_trained_model_folder(str(model), folds)
    predictor.predict_from_files_sequential(
        [[str(image)]], str(out), save_probabilities=mirror, folder_with_segs_from_prev_stage=before and str(before)
    )


def keep(model: Path, out: Path) -> None:
    """The trained folder, without what prediction does not need."""
    import torch
    from numpy._core.multiarray import scalar

    # numpy's scalars, which nnU-Net logs beside the weights
    plain = [scalar, np.dtype, *(type(np.dtype(kind)) for kind in (np.float32, np.float64, np.int64))]
    for name in ("plans.json", "dataset.json"):
        out.mkdir(parents=True, exist_ok=True)
        shutil.copy(model / name, out / name)
    for checkpoint in model.glob("fold_*/checkpoint_final.pth"):
        with torch.serialization.safe_globals(plain):
            content = torch.load(checkpoint, map_location="cpu", weights_only=True)
        content["optimizer_state"] = {}
        (out / checkpoint.parent.name).mkdir()
        torch.save(content, out / checkpoint.parent.name / checkpoint.name)


def keep_outputs(model: Path, fold: int | str) -> None:
    """What the network alone gives for a small input, at every level of its decoder, finest first."""
    import torch
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    predictor = nnUNetPredictor(device=torch.device("cpu"))
    predictor.initialize_from_trained_model_folder(str(model), (fold,))
    network = predictor.network.eval()
    network.decoder.deep_supervision = True
    channels = next(network.parameters()).shape[1]
    size = (8, 16, 16)[-len(predictor.configuration_manager.patch_size) :]
    inputs = np.random.default_rng(0).standard_normal((1, channels, *size)).astype(np.float32)
    with torch.no_grad():
        outputs = network(torch.from_numpy(inputs))
    np.savez_compressed(model / "network.npz", *(output.numpy() for output in outputs))


def all_plans(values: Array, thick_values: Array) -> dict[str, dict[str, Any]]:
    """plans.json of each data set."""
    three, two = [[3, 3, 3]] * 3, [[1, 1, 1], [2, 2, 2], [2, 2, 2]]
    thick, pool = [[1, 3, 3], [3, 3, 3], [3, 3, 3]], [[1, 1, 1], [1, 2, 2], [2, 2, 2]]
    fine, coarse = [1.6, 1.0, 1.0], [3.0, 2.0, 2.0]
    ct = ("CTNormalization", False)
    plain = configuration("3d_fullres", fine, [16, 32, 32], *ct, old_architecture(three, two, [2, 2, 2]))
    residual = architecture("ResidualEncoderUNet", thick, pool, [1, 2, 2], [2, 1])
    residual = configuration("3d_fullres", [4.0, 1.0, 1.0], [8, 32, 32], "ZScoreNormalization", True, residual)
    small = architecture("PlainConvUNet", three, two, [1, 2, 2], [1, 2])
    lowres = configuration("3d_lowres", coarse, [16, 24, 16], *ct, small)
    full = configuration("3d_fullres", fine, [16, 32, 32], *ct, small)
    flat = architecture("PlainConvUNet", [[3, 3]] * 3, [[1, 1], [2, 2], [2, 2]], [1, 2, 2], [1, 1])
    flat = configuration("2d", [1.0, 1.0], [32, 24], *ct, flat)
    cascade = {
        "3d_lowres": {**lowres, "next_stage": "3d_cascade_fullres"},
        "3d_fullres": full,
        "3d_cascade_fullres": {"inherits_from": "3d_fullres", "previous_stage": "3d_lowres"},
    }
    straight, turned = [0, 1, 2], [2, 0, 1]
    return {
        "Dataset001_plain": plans("Dataset001_plain", straight, {"3d_fullres": plain}, values),
        "Dataset002_residual": plans("Dataset002_residual", turned, {"3d_fullres": residual}, thick_values),
        "Dataset003_cascade": plans("Dataset003_cascade", straight, cascade, values),
        "Dataset004_flat": plans("Dataset004_flat", straight, {"2d": flat}, values),
    }


MODELS: dict[str, tuple[tuple[str, tuple[Any, ...]], ...]] = {
    "Dataset001_plain": (("3d_fullres", (0, 1)),),
    "Dataset002_residual": (("3d_fullres", ("all",)),),
    "Dataset003_cascade": (("3d_lowres", ("all",)), ("3d_cascade_fullres", ("all",))),
    "Dataset004_flat": (("2d", ("all",)),),
}


def main() -> None:
    """Everything, into this folder."""
    root = Path(tempfile.mkdtemp(prefix="nnunet-golden-"))
    for name in ("raw", "preprocessed", "results"):
        os.environ[f"nnUNet_{name}"] = str(root / name)
    os.environ |= {"nnUNet_n_proc_DA": "0", "nnUNet_def_n_proc": "1", "nnUNet_compile": "0"}
    thin_shape, thin = (40, 48, 32), (0.9, 0.8, 2.0)
    thick_shape, thick = (14, 44, 40), (5.0, 1.0, 0.9)
    labels: dict[str, Any] = {"background": 0, "node": 1, "vessel": 2}
    regions: dict[str, Any] = {"background": 0, "any": [1, 2], "vessel": 2}
    values = [make_dataset(root, name, thin_shape, thin, False, labels) for name in MODELS if "residual" not in name]
    thick_values = make_dataset(root, "Dataset002_residual", thick_shape, thick, True, regions)
    images = {"thin": root / "thin_0000.nii.gz", "thick": root / "thick_0000.nii.gz"}
    write(draw(99, thin_shape, thin)[0], thin, images["thin"])
    array = draw(99, thick_shape, thick)[0]
    array[:, :5], array[:, :, -3:] = 0, 0
    write(array, thick, images["thick"])
    for name, image in images.items():
        shutil.copy(image, HERE / f"{name}.nii.gz")
    for dataset, made in all_plans(values[0], thick_values).items():
        short = dataset.partition("_")[2]
        if sys.argv[1:] and short not in sys.argv[1:]:
            continue
        shutil.rmtree(HERE / short, ignore_errors=True)
        preprocess(root, dataset, made)
        kind = "thick" if short == "residual" else "thin"
        for mirror in (False, True):
            before: Path | None = None
            for name, folds in MODELS[dataset]:
                model = root / "results" / dataset / f"{TRAINER}__{PLANS}__{name}"
                if not mirror:
                    for fold in folds:
                        train(root, dataset, name, fold, validate=name == "3d_lowres")
                    keep(model, HERE / short / model.name)
                    keep_outputs(HERE / short / model.name, folds[0])
                out = root / "predicted" / short / name / str(mirror)
                predict(model, folds, images[kind], out, mirror, before)
                before = out
                stem = "mirrored" if mirror else "predicted"
                shutil.copy(out / f"{kind}.nii.gz", HERE / short / model.name / f"{stem}.nii.gz")
                if mirror and short in ("plain", "residual"):
                    probability = np.load(out / f"{kind}.npz")["probabilities"]
                    first = 0 if short == "residual" else 1
                    rounded = np.rint(probability[first] * 255).astype(np.uint8)
                    np.savez_compressed(HERE / short / model.name / "probability.npz", rounded=rounded)
    shutil.rmtree(root)


if __name__ == "__main__":
    sys.exit(main())

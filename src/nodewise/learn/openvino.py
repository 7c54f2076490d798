"""A network compiled by OpenVINO for the CPU, and kept compiled for the next time."""

from __future__ import annotations

import copy
import hashlib
import inspect
import tempfile
import warnings
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from nodewise.learn.device import computes_in_bfloat16


def compile_network(network: nn.Module, *, half: bool = True, folder: Path | None = None) -> Callable[[Tensor], Tensor]:
    """A function that answers as ``network`` does, (batch, channels, …) to (batch, outputs, …) in float32.

    It is compiled for a size of window when it first meets one, and for as many threads as torch uses then.

    Args:
        network: in evaluation mode, on the CPU, with one input and one output.
        half: in bfloat16 where the processor computes in it, else in float32.
        folder: where compiled networks are kept, under the hash of their operations and weights; None keeps none.

    Raises:
        ImportError: OpenVINO is not installed, or not for this system.
    """
    import openvino

    core = openvino.Core()
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        core.set_property({"CACHE_DIR": str(folder)})
    precision = "bf16" if half and computes_in_bfloat16("cpu") else "f32"
    usual = {"INFERENCE_PRECISION_HINT": precision, "NUM_STREAMS": 1}

    @cache
    def request(channels: int, *size: int) -> Any:
        model = _model(network, (1, channels, *size), folder)
        settings = {**usual, "INFERENCE_NUM_THREADS": torch.get_num_threads()}
        return core.compile_model(model, "CPU", settings).create_infer_request()

    def answer(windows: Tensor) -> Tensor:
        ready = request(*windows.shape[1:])
        found = [torch.from_numpy(ready.infer([w[None].numpy()])[0]) for w in windows.float().cpu()]
        return torch.cat(found)

    return answer


def save_openvino(network: nn.Module, shape: tuple[int, ...], path: Path) -> None:
    """Write a network in evaluation mode as OpenVINO IR in float32, ``.xml`` with a ``.bin`` beside it.

    Args:
        network: on the CPU, with one input and one output.
        shape: of the input: batch, channels and the size of the window.
        path: ends in ``.xml``.
    """
    import openvino

    openvino.save_model(_converted(network, shape), path, compress_to_fp16=False)


def _model(network: nn.Module, shape: tuple[int, ...], folder: Path | None) -> Any:
    """OpenVINO's form of the network for this shape, or the path of its file in ``folder``."""
    if folder is None:
        return _converted(network, shape)
    path = folder / f"{_digest(network, shape)}.xml"
    if not path.exists():
        with tempfile.TemporaryDirectory(dir=folder) as aside:  # two processes may write the same at once
            part = Path(aside) / path.name
            save_openvino(network, shape, part)
            part.with_suffix(".bin").replace(path.with_suffix(".bin"))
            part.replace(path)
    return path


def _digest(network: nn.Module, shape: tuple[int, ...]) -> str:
    """SHA-256 of all that the answer follows from: libraries, parts and their code, shape, weights."""
    code = sorted(inspect.getsource(kind) for kind in {type(module) for module in network.modules()})
    libraries = [version(name) for name in ("openvino", "torch", "nodewise")]
    digest = hashlib.sha256(repr((libraries, network, code, shape)).encode())
    for name, tensor in network.state_dict().items():
        digest.update(name.encode())
        digest.update(tensor.detach().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _converted(network: nn.Module, shape: tuple[int, ...]) -> Any:
    """By the frontend itself: ``openvino.convert_model`` does the same and reports its use over the network."""
    import openvino
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    example = torch.zeros(shape)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # sizes become constants, as they shall
        traced = torch.jit.trace(_fusible(network), example, check_trace=False)  # type: ignore[no-untyped-call]
    decoder = TorchScriptPythonDecoder(traced, example_input=(example,))
    frontend = FrontEndManager().load_by_framework("pytorch")
    model = frontend.convert(frontend.load(decoder))
    model.reshape(openvino.PartialShape(list(shape)))
    return model


class _InstanceNorm(nn.Module):
    """As ``F.instance_norm``: OpenVINO fuses it, and crashes on the same written as GroupNorm (2026.4)."""

    def __init__(self, norm: nn.GroupNorm) -> None:
        super().__init__()
        self.weight, self.bias, self.eps = norm.weight, norm.bias, norm.eps

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.instance_norm(x, weight=self.weight, bias=self.bias, eps=self.eps)


def _fusible(network: nn.Module) -> nn.Module:
    """A copy whose GroupNorms of one channel a group are instance normalisations."""
    network = copy.deepcopy(network)
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.GroupNorm) and child.num_groups == child.num_channels:
                setattr(module, name, _InstanceNorm(child))
    return network

import numpy as np
import pytest
import torch

from nodewise.learn.device import choose_device, computes_in_bfloat16, half_precision, memory_to_predict
from nodewise.values.errors import BadInputError


def test_auto_takes_what_is_there(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert choose_device("auto") == "cpu"
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert choose_device("auto") == "mps"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto") == "cuda"
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert choose_device("cuda:1") == "cuda:1"
    with pytest.raises(BadInputError, match="no device cuda:2 here"):
        choose_device("cuda:2")


@pytest.mark.parametrize("name", ["cuda", "mps", "tpu", "cpu:1", ""])
def test_a_device_that_is_not_there_is_refused(name, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(BadInputError, match="choose auto or one of cpu"):
        choose_device(name)


def test_half_precision_only_where_the_processor_has_it(monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": False, "amx_bf16": False}, raising=False)
    assert not computes_in_bfloat16("cpu")
    with half_precision("cpu"):
        assert torch.nn.Linear(2, 2)(torch.ones(1, 2)).dtype == torch.float32
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True}, raising=False)
    with half_precision("cpu"):
        assert torch.nn.Linear(2, 2)(torch.ones(1, 2)).dtype == torch.bfloat16


def _torch_runs_out():
    torch.empty(2**50, dtype=torch.uint8)


def _numpy_runs_out():
    np.empty(2**50, np.uint8)


def _openvino_runs_out():
    openvino = pytest.importorskip("openvino")
    openvino.Tensor(openvino.Type.u8, openvino.Shape([2**50]))


def _cuda_runs_out():
    raise torch.cuda.OutOfMemoryError("CUDA: tried too much")


@pytest.mark.parametrize("work", [_torch_runs_out, _numpy_runs_out, _openvino_runs_out, _cuda_runs_out])
def test_memory_that_runs_out_is_one_line_with_advice(work):
    told = "memory ran out on cuda: close other programs, or predict with --device cpu, or cut the scan to the chest"
    with pytest.raises(BadInputError, match=f"^{told}$"), memory_to_predict("cuda"):
        work()


def test_on_a_cpu_the_cpu_is_not_advised_and_other_errors_pass():
    with pytest.raises(BadInputError, match="memory ran out on cpu") as told, memory_to_predict("cpu"):
        raise MemoryError
    assert "--device" not in str(told.value)
    with pytest.raises(RuntimeError, match="sizes differ"), memory_to_predict("cpu"):
        raise RuntimeError("sizes differ")

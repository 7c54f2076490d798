import socket

import pytest
import torch
from torch import nn

from nodewise.learn import openvino as openvino_networks
from nodewise.learn.openvino import compile_network


def _network(seed=0, dimension=3):
    torch.manual_seed(seed)
    convolution = (nn.Conv2d, nn.Conv3d)[dimension - 2]
    return nn.Sequential(
        convolution(1, 8, 3, padding=1), nn.GroupNorm(8, 8), nn.LeakyReLU(0.01), convolution(8, 2, 1)
    ).eval()


def _answer(network, x):
    with torch.no_grad():
        return network(x)


@pytest.mark.parametrize("dimension", [2, 3])
def test_windows_of_any_number_and_size(dimension):
    network = _network(dimension=dimension)
    compiled = compile_network(network, half=False)
    for count, size in ((1, 8), (3, 8), (2, 12)):
        x = torch.randn(count, 1, *(size,) * dimension)
        torch.testing.assert_close(compiled(x), _answer(network, x), atol=1e-5, rtol=1e-5)


def test_an_answer_outlives_the_next_one():
    compiled = compile_network(_network(), half=False)
    first = compiled(torch.ones(1, 1, 8, 8, 8))
    before = first.clone()
    compiled(torch.randn(1, 1, 8, 8, 8))
    torch.testing.assert_close(first, before)


def test_a_compiled_network_is_kept_and_found_again(tmp_path):
    folder, x = tmp_path / "cache", torch.randn(1, 1, 8, 8, 8)
    for _ in range(2):
        compiled = compile_network(_network(), half=False, folder=folder)
        torch.testing.assert_close(compiled(x), _answer(_network(), x), atol=1e-5, rtol=1e-5)
    kinds = sorted(path.suffix for path in folder.iterdir())
    assert kinds == [".bin", ".blob", ".xml"]


def test_a_kept_network_is_neither_converted_nor_compiled_again(tmp_path, monkeypatch):
    convert, calls = openvino_networks._converted, []
    monkeypatch.setattr(openvino_networks, "_converted", lambda *given: calls.append(1) or convert(*given))
    x, kept = torch.randn(1, 1, 8, 8, 8), {}
    for seed, converted in ((0, 1), (0, 1), (1, 2), (0, 2), (1, 2)):
        compiled = compile_network(_network(seed), half=False, folder=tmp_path)
        torch.testing.assert_close(compiled(x), _answer(_network(seed), x), atol=1e-5, rtol=1e-5)
        assert len(calls) == converted
        now = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.blob")}
        assert len(now) == converted
        assert kept.items() <= now.items()  # read, not written again
        kept = now


def test_other_weights_activations_and_sizes_are_kept_apart(tmp_path):
    x = torch.randn(1, 1, 8, 8, 8)
    leaky = _network()
    leaky[2] = nn.LeakyReLU(0.5)
    for network in (_network(0), _network(1), leaky):
        found = compile_network(network, half=False, folder=tmp_path)(x)
        torch.testing.assert_close(found, _answer(network, x), atol=1e-5, rtol=1e-5)
    compile_network(_network(0), half=False, folder=tmp_path)(torch.randn(1, 1, 12, 8, 8))
    assert len(list(tmp_path.glob("*.xml"))) == 4


def test_nothing_is_written_without_a_folder_nor_sent_over_the_network(tmp_path, monkeypatch):
    def refuse(*_):
        raise AssertionError("a connection was opened")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(socket.socket, "connect", refuse)
    compile_network(_network(), half=False)(torch.randn(1, 1, 8, 8, 8))
    assert not list(tmp_path.iterdir())

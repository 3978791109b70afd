"""torch.hub, torch.onnx, torch.ao and the parts of torch._C that packages import: what is there does what it says."""

from __future__ import annotations

import hashlib
import os

import pytest

import tritonnn as torch
from tritonnn import hub, nn


@pytest.fixture
def weights(tmp_path):
    """A file of weights, and its address."""
    file = tmp_path / "net" / "weights-0.pt"
    file.parent.mkdir()
    torch.save({"w": torch.ones(2)}, file)
    named = file.with_name(f"weights-{hashlib.sha256(file.read_bytes()).hexdigest()[:8]}.pt")
    file.rename(named)
    return named


def test_weights_are_downloaded_once(weights, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(hub, "_hub_dir", str(tmp_path / "hub"))
    url = weights.as_uri()
    loaded = hub.load_state_dict_from_url(url, check_hash=True, progress=False)
    assert loaded["w"].tolist() == [1, 1]
    assert "Downloading" in capsys.readouterr().err
    weights.unlink()
    assert hub.load_state_dict_from_url(url)["w"].tolist() == [1, 1]
    assert os.listdir(tmp_path / "hub" / "checkpoints") == [weights.name]


def test_a_damaged_download_leaves_nothing(weights, tmp_path):
    to = tmp_path / "to"
    to.mkdir()
    with pytest.raises(RuntimeError, match=r'invalid hash value \(expected "ff"'):
        hub.download_url_to_file(weights.as_uri(), str(to / "w.pt"), hash_prefix="ff", progress=False)
    assert not os.listdir(to)


def test_files_from_the_net_run_no_code(tmp_path, monkeypatch):
    monkeypatch.setattr(hub, "_hub_dir", str(tmp_path / "hub"))
    file = tmp_path / "model.pt"
    torch.save(torch.fx.symbolic_trace(nn.ReLU()), file)
    with pytest.raises(Exception, match="reduce_graph_module"):
        hub.load_state_dict_from_url(file.as_uri(), progress=False)


def test_models_of_a_folder(tmp_path):
    (tmp_path / "hubconf.py").write_text("def double(x, by=2):\n    'Doubles.'\n    return x * by\n")
    folder = str(tmp_path)
    assert hub.load(folder, "double", 3, by=4, source="local") == 12
    assert hub.help(folder, "double", source="local") == "Doubles."
    assert hub.list(folder, source="local") == ["double"]
    with pytest.raises(RuntimeError, match="Cannot find callable triple"):
        hub.load(folder, "triple", source="local")
    with pytest.raises(NotImplementedError, match="does not download and run programs"):
        hub.load("pytorch/vision", "resnet18")
    with pytest.raises(ValueError, match="Unknown source"):
        hub.load(folder, "double", source="disk")


def test_home(monkeypatch):
    monkeypatch.setattr(hub, "_hub_dir", None)
    monkeypatch.setenv("TORCH_HOME", "/home/of/torch")
    assert hub.get_dir() == "/home/of/torch/hub" and hub._get_torch_home() == "/home/of/torch"


def test_no_exporter():
    with pytest.raises(NotImplementedError, match="does not write ONNX files"):
        torch.onnx.export(nn.ReLU(), torch.ones(1), "f")
    assert not torch.onnx.is_in_onnx_export()
    with pytest.raises(ValueError, match="namespace::name"):
        torch.onnx.register_custom_op_symbolic("nms", len, 11)


def test_stubs_hand_on():
    x = torch.ones(2)
    assert torch.ao.quantization.QuantStub()(x) is x and torch.ao.quantization.DeQuantStub()(x) is x
    with pytest.raises(
        AttributeError, match=r"no torch.ao.quantization.prepare: it has no quantised numbers"
    ):
        torch.ao.quantization.prepare  # noqa: B018


def test_a_block_without_autocast():
    key, keys = torch._C.DispatchKey, torch._C.DispatchKeySet
    both = keys(key.AutocastCPU) | keys(key.AutocastXPU)
    assert both.has(key.AutocastCPU) and not both.has(key.AutocastCUDA)
    with torch.autocast("cpu"):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype is torch.bfloat16
        with torch._C._ExcludeDispatchKeyGuard(both):
            assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype is torch.float32
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype is torch.bfloat16


def test_a_function_without_memory_may_come_before_its_operator():
    torch.library.register_fake("fxtests::later", lambda x: x.new_empty(3))
    torch.library.define("fxtests::later", "(Tensor x) -> Tensor")
    assert torch.library._operator.operator_of("fxtests::later").fake(torch.ones(1)).shape == (3,)


@pytest.mark.parametrize("sizes", [lambda p: (2, p), lambda p: ((2, p),), lambda p: ([p, 2],)])
@pytest.mark.parametrize("name", ["zeros", "ones", "empty", "rand"])
def test_sizes_may_take_a_call_over(name, sizes):
    class Size:
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            return func.__name__, len(args)

    given = sizes(Size())
    assert getattr(torch, name)(*given) == (name, len(given))

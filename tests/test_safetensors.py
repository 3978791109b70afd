"""Files in the safetensors format."""

from __future__ import annotations

import pytest
from support import STORED

import tritonnn as torch
from tritonnn import nn
from tritonnn.utils import safetensors


@pytest.mark.kernels
def test_safetensors_dtypes_and_shapes(tmp_path):
    tensors = {n: torch.tensor([[1, 0, 2]]).to(getattr(torch, n)) for n in STORED if n != "complex128"}
    tensors |= {
        "turned": torch.arange(6.0).reshape(2, 3).t(),
        "none": torch.zeros(0, 2),
        "scalar": torch.tensor(2.5),
    }
    safetensors.save_file(tensors, tmp_path / "a.safetensors", metadata={"made": "here"})
    for got in (
        safetensors.load_file(tmp_path / "a.safetensors"),
        safetensors.load(safetensors.save(tensors)),
    ):
        assert set(got) == set(tensors)
        for name, t in tensors.items():
            assert (
                got[name].dtype is t.dtype and got[name].tolist() == t.tolist() and got[name].shape == t.shape
            )
    on_gpu = safetensors.load_file(tmp_path / "a.safetensors", device="cuda")["turned"]
    assert on_gpu.device.type == "cuda" and on_gpu.tolist() == tensors["turned"].tolist()


def test_safetensors_checks(tmp_path):
    x = torch.arange(4.0)
    with pytest.raises(RuntimeError, match=r"share memory.*\['a', 'b'\]"):
        safetensors.save({"a": x, "b": x[1:]})
    with pytest.raises(ValueError, match=r"no dtype for torch\.complex128 of 'a'"):
        safetensors.save({"a": x.to(torch.complex128)})
    with pytest.raises(ValueError, match="Key `a` is invalid, expected Tensor but received int"):
        safetensors.save({"a": 1})
    with pytest.raises(ValueError, match="Expected a dict"):
        safetensors.save([x])
    safetensors.save_file({"a": x}, tmp_path / "a")
    raw = (tmp_path / "a").read_bytes()
    for length in (0, 5, 40, len(raw) - 1):
        (tmp_path / "a").write_bytes(raw[:length])
        with pytest.raises(ValueError, match="truncated, corrupted or not in the safetensors format"):
            safetensors.load_file(tmp_path / "a")
    with pytest.raises(FileNotFoundError):
        safetensors.load_file(tmp_path / "b")


def test_safetensors_models_with_tied_weights(tmp_path):
    def tied():
        model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
        model[1].weight = model[0].weight
        return model

    first, second = tied(), tied()
    safetensors.save_model(first, tmp_path / "m")
    assert "1.weight" not in safetensors.load_file(tmp_path / "m")
    assert safetensors.load_model(second, tmp_path / "m") == (set(), [])
    assert second[1].weight.tolist() == first[0].weight.tolist() and second[1].weight is second[0].weight
    with pytest.raises(RuntimeError, match=r"missing keys \['1.weight'\]"):
        safetensors.load_model(nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2)), tmp_path / "m")
    first[1].weight = nn.Parameter(first[0].weight.detach()[:1])  # the same address, but not the same tensor
    with pytest.raises(RuntimeError, match=r"share memory.*\['0.weight', '1.weight'\]"):
        safetensors.save_model(first, tmp_path / "n")

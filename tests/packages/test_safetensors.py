"""safetensors: files written and read through its own interface for torch."""

from __future__ import annotations

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load, load_file, load_model, save, save_file, save_model
from torch import nn
from weights import drawn, fill

DTYPES = [
    torch.float64,
    torch.float32,
    torch.float16,
    torch.bfloat16,
    torch.int64,
    torch.int8,
    torch.uint8,
    torch.bool,
]


def _tensors():
    return {str(dtype): (3 * drawn("x", 3, 4)).abs().to(dtype) for dtype in DTYPES} | {
        "empty": torch.zeros(0, 2), "number": torch.tensor(2.5),
    }  # fmt: skip


def test_what_is_saved_is_loaded(tmp_path):
    tensors = _tensors()
    save_file(tensors, tmp_path / "file.safetensors", {"format": "pt"})
    for loaded in (load_file(tmp_path / "file.safetensors"), load(save(tensors))):
        assert loaded.keys() == tensors.keys()
        for name, tensor in tensors.items():
            assert loaded[name].dtype == tensor.dtype and torch.equal(loaded[name], tensor), name


def test_parts_are_read(tmp_path):
    x = drawn("x", 6, 4)
    save_file({"x": x}, tmp_path / "file.safetensors", {"made": "here"})
    with safe_open(tmp_path / "file.safetensors", framework="pt", device="cpu") as file:
        assert list(file.keys()) == ["x"] and file.metadata() == {"made": "here"}
        part = file.get_slice("x")
        assert part.get_shape() == [6, 4] and part.get_dtype() == "F32"
        assert torch.equal(part[2:5, 1], x[2:5, 1]) and torch.equal(part[:], x)
        assert torch.equal(file.get_tensor("x"), x)


def _tied():
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    model[1].weight = model[0].weight
    return model


def test_shared_memory(tmp_path):
    model, other = fill(_tied()), _tied()
    with pytest.raises(RuntimeError, match="share memory"):
        save_file(model.state_dict(), tmp_path / "refused.safetensors")
    save_model(model, tmp_path / "model.safetensors")
    assert load_model(other, tmp_path / "model.safetensors") == (set(), [])
    assert torch.equal(other[1].weight, model[0].weight) and other[1].weight is other[0].weight


def test_what_is_not_contiguous_is_refused(tmp_path):
    with pytest.raises(ValueError, match="non contiguous"):
        save_file({"x": drawn("x", 3, 4).t()}, tmp_path / "file.safetensors")

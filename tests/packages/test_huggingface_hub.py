"""huggingface_hub: modules that save and load themselves, and state_dicts in several files."""

from __future__ import annotations

import torch
from huggingface_hub import (
    PyTorchModelHubMixin,
    load_state_dict_from_file,
    load_torch_model,
    save_torch_model,
    save_torch_state_dict,
    split_torch_state_dict_into_shards,
)
from torch import nn
from weights import drawn, fill


class Net(nn.Module, PyTorchModelHubMixin, tags=["tiny"]):
    def __init__(self, width: int = 8, rate: float = 0.0):
        super().__init__()
        self.width = width
        self.layers = nn.Sequential(nn.Linear(4, width), nn.ReLU(), nn.Dropout(rate), nn.Linear(width, 2))

    def forward(self, x):
        return self.layers(x)


def test_a_module_saves_and_loads_itself(tmp_path):
    model = fill(Net(width=6, rate=0.25))
    model.save_pretrained(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} >= {"config.json", "model.safetensors"}
    other = Net.from_pretrained(tmp_path)
    assert other.width == 6 and other.layers[2].p == 0.25 and not other.training
    x = drawn("x", 3, 4)
    assert torch.equal(other(x), model.eval()(x))


def test_files_of_some_size(tmp_path):
    model = fill(nn.Sequential(*[nn.Linear(16, 16) for _ in range(4)]))
    split = split_torch_state_dict_into_shards(model.state_dict(), max_shard_size="2KB")
    assert split.is_sharded and len(split.filename_to_tensors) >= 3
    save_torch_model(model, tmp_path, max_shard_size="2KB")
    other = nn.Sequential(*[nn.Linear(16, 16) for _ in range(4)])
    found = load_torch_model(other, tmp_path)
    assert not found.missing_keys and not found.unexpected_keys
    for one, two in zip(model.parameters(), other.parameters()):
        assert torch.equal(one, two)


def test_tied_weights_are_saved_once(tmp_path):
    model = fill(nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4)))
    model[1].weight = model[0].weight
    save_torch_state_dict(model.state_dict(), tmp_path)
    assert len(load_state_dict_from_file(tmp_path / "model.safetensors")) == 3
    save_torch_state_dict({"x": drawn("x", 3)}, tmp_path, safe_serialization=False)
    loaded = load_state_dict_from_file(tmp_path / "pytorch_model.bin", safe=False, weights_only=True)
    assert torch.equal(loaded["x"], drawn("x", 3))

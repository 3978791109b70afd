"""The names of torch.nn stand where PyTorch has them; what is missing is listed with its reason."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any, TypeVar

import pytest
import torch as reference

import tritonnn as torch

RECURRENT = {"GRU", "GRUCell", "LSTM", "LSTMCell", "RNN", "RNNBase", "RNNCell", "RNNCellBase"}
WITHOUT: dict[str, set[str]] = {
    "nn.attention": {  # PyTorch's own kernels of attention, and how to exchange them
        "activate_flash_attention_impl", "current_flash_attention_impl",
        "list_flash_attention_impls", "register_flash_attention_impl", "restore_flash_attention_impl",
    },
    # products of groups for the experts of a model, and in types of 4 and 8 bits; a type check of theirs
    "nn.functional": {"assert_int_or_pair", "grouped_mm", "scaled_grouped_mm"},
}  # fmt: skip
MODULES = [
    "nn.modules", "nn.utils", "nn.init", "nn.parameter", "nn.attention", "nn.parallel", "nn.common_types",
    "nn.attention.bias", "nn.attention.flex_attention", "nn.attention.varlen", "nn.functional", "nn.grad", "optim",
    "optim.lr_scheduler", "optim.swa_utils", "optim.optimizer", "amp", "amp.autocast_mode", "amp.grad_scaler",
    "cuda.amp", "cpu.amp",
    *(f"nn.modules.{m.name}" for m in pkgutil.iter_modules(reference.nn.modules.__path__) if m.name[0] != "_"),
    *(f"nn.utils.{m.name}" for m in pkgutil.iter_modules(reference.nn.utils.__path__) if m.name[0] != "_"),
]  # fmt: skip


def load(library: Any, name: str) -> Any:
    return importlib.import_module(f"{library.__name__}.{name}")


@pytest.mark.parametrize("name", [name for name in MODULES if name != "nn.modules.rnn"])
def test_what_a_module_offers_is_here(name: str) -> None:
    theirs, own = load(reference, name), load(torch, name)
    public = getattr(theirs, "__all__", None)
    if public is None:
        public = [
            n
            for n, v in vars(theirs).items()
            if getattr(v, "__module__", "") == theirs.__name__ and not isinstance(v, TypeVar)
        ]
    missing = {n for n in public if not n.startswith("_") and not hasattr(own, n)}
    assert missing - RECURRENT == WITHOUT.get(name, set())


def test_names_of_nn() -> None:
    classes = {n for n in dir(reference.nn) if isinstance(getattr(reference.nn, n), type)}
    assert not {n for n in classes if not hasattr(torch.nn, n)} - RECURRENT


def test_classes_stand_in_the_files_that_saved_modules_name() -> None:
    for name in dir(reference.nn):
        cls = getattr(reference.nn, name)
        if isinstance(cls, type) and name not in RECURRENT:
            home = cls.__module__.removeprefix("torch.")
            assert getattr(load(torch, home), name) is getattr(torch.nn, name), f"{home}.{name}"


def test_a_module_that_pytorch_has_saved_whole(tmp_path: Any) -> None:
    nn = reference.nn
    parts = [nn.AdaptiveAvgPool2d(1), nn.ChannelShuffle(2), nn.FractionalMaxPool2d(2, 3), nn.LPPool2d(2, 2)]
    reference.save(nn.Sequential(*parts, nn.ParameterList([reference.ones(1)])), tmp_path / "whole.pt")
    loaded = torch.load(tmp_path / "whole.pt", weights_only=False)
    assert [type(part) for part in loaded] == [
        getattr(torch.nn, type(part).__name__) for part in (*parts, nn.ParameterList())
    ]

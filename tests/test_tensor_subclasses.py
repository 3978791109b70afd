"""Subclasses of Tensor that programs define: how they are made, copied, printed, and what their methods are."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

import tritonnn as torch


class Noted(torch.Tensor):
    """Notes what it is asked for."""

    calls: list[Any] = []

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        cls.calls.append(func)
        return super().__torch_function__(func, types, args, kwargs or {})


class Tagged(torch.Tensor):
    """Made from data, with an attribute."""

    tag: str

    def __new__(cls, data: Any, tag: str = "") -> Any:
        made = torch.as_tensor(data).as_subclass(cls)
        made.tag = tag
        return made


class Slotted(torch.Tensor):
    __slots__ = ("unit",)


class Simple(torch.Tensor):
    pass


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_keep_class_and_attributes(again: Any) -> None:
    x = Tagged([1.0, 2.0], "metres")
    other = again(x)
    assert type(other) is Tagged and other.tag == "metres" and other.tolist() == [1, 2]


def test_constructors() -> None:
    x = Simple([1.0, 2.0])
    assert type(x) is Simple and x.tolist() == [1, 2] and type(Simple(2, 3)) is Simple
    assert type(Simple(torch.ones(2))) is Simple and type(Simple()) is Simple
    slotted = torch.ones(2).as_subclass(Slotted)
    slotted.unit = "m"
    assert type(slotted + 1) is Slotted and slotted.unit == "m"
    assert repr(x) == "Simple([1., 2.])"
    with pytest.raises(TypeError, match="must be a subclass of Tensor"):
        torch.ones(1).as_subclass(int)
    with pytest.raises(TypeError, match="Simple has no __torch_dispatch__"):
        torch.Tensor._make_wrapper_subclass(Simple, (2,))


def test_as_subclass_shares_memory_and_history() -> None:
    leaf = torch.ones(2, requires_grad=True)
    y = (leaf * 2).as_subclass(Simple)
    assert y.grad_fn.name() == "AliasBackward0"
    x = torch.zeros(2)
    x.as_subclass(Simple).add_(1)
    assert x.tolist() == [1, 1]


def test_tensors_made_from_data_are_plain() -> None:
    noted = torch.ones(2).as_subclass(Noted)
    assert type(torch.tensor(noted.tolist())) is torch.Tensor
    Noted.calls.clear()
    with pytest.warns(UserWarning, match="copy construct"):
        assert type(torch.tensor(noted)) is torch.Tensor
    assert not Noted.calls


def test_a_method_with_super_of_a_subclass() -> None:
    class Louder(torch.Tensor):
        def sum(self, *args: Any, **kwargs: Any) -> Any:
            return super().sum(*args, **kwargs) * 10

        @property
        def shape(self) -> Any:
            return ("shape", tuple(super().shape))

    x = torch.ones(3).as_subclass(Louder)
    assert x.sum().item() == 30 and x.shape == ("shape", (3,))

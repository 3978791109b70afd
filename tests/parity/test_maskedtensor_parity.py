"""MaskedTensor against PyTorch's: values, masks, gradients, how it is printed, what it refuses."""

from __future__ import annotations

import warnings

import pytest
import torch as reference
from twice import loaded, programs

import tritonnn

FILE = "maskedtensor_programs"


def text(library: object, name: str) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch calls it a prototype
        try:
            return str(loaded(FILE, library)[name]())
        except Exception as error:
            return type(error).__name__


@pytest.mark.parametrize("name", programs(FILE))
def test_maskedtensor(name: str) -> None:
    assert text(tritonnn, name) == text(reference, name)


def test_data_keeps_its_graph_and_what_is_not_known_says_so() -> None:
    x = tritonnn.tensor([1.0, 2.0, 3.0], requires_grad=True)
    mask = tritonnn.tensor([True, False, True])
    y = tritonnn.masked.as_masked_tensor(x, mask)
    (y * y).sum().backward()
    assert x.grad.tolist() == [2, 0, 6]
    with pytest.raises(TypeError, match=r"'torch\.Tensor\.cumsum' on MaskedTensor.*get_data"):
        y.cumsum(0)
    with pytest.raises(ValueError, match="does not count"):
        y[1].item()
    with pytest.raises(NotImplementedError, match="sparse_coo"):
        tritonnn.masked.masked_tensor(x.detach().to_sparse(), mask.to_sparse())
    assert tritonnn.masked.mean(tritonnn.masked.masked_tensor(x.detach(), mask)).item() == 2

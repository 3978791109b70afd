"""Mistakes that programs make: PyTorch's type of exception, and words that name what was wrong."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch as theirs

import tritonnn as ours

# what is done with a library `t`, a tensor `x` (2, 3) and another `y` (2) -> what our text has to name
MISTAKES: dict[str, tuple[Callable[[Any, Any, Any], Any], str]] = {
    "zeros, dtype by name": (lambda t, x, y: t.zeros(2, dtype="float32"), r"zeros\(\).*'dtype'.*torch.dtype, not str"),
    "zeros, NumPy's dtype": (lambda t, x, y: t.zeros(2, dtype=np.float32), r"zeros\(\).*'dtype'.*dtype, not type"),
    "to, dtype by name": (lambda t, x, y: x.to(dtype="float32"), r"to\(\).*'dtype'.*torch.dtype, not str"),
    "to, NumPy's dtype": (lambda t, x, y: x.to(dtype=np.float32), r"to\(\).*'dtype'.*not type \(got float32\)"),
    "to, NumPy's dtype in line": (lambda t, x, y: x.to(np.float32), r"to\(\).*expected a dtype"),
    "sum, dtype by name": (lambda t, x, y: x.sum(dtype="float64"), r"sum\(\).*'dtype'.*torch.dtype, not str"),
    "type of NumPy": (lambda t, x, y: x.type(np.float32), "invalid type: 'numpy.float32'"),
    "finfo by name": (lambda t, x, y: t.finfo("float32"), r"finfo\(\).*'type'.*torch.dtype, not str"),
    "iinfo of NumPy": (lambda t, x, y: t.iinfo(np.int32), r"iinfo\(\).*'type'.*torch.dtype, not type"),
    "promote_types": (lambda t, x, y: t.promote_types("int8", t.int8), r"promote_types\(\).*'type1' \(position 1\)"),
    "promote_types, second": (lambda t, x, y: t.promote_types(t.int8, "a"), r"promote_types\(\).*'type2'"),
    "can_cast": (lambda t, x, y: t.can_cast("int8", t.int8), r"can_cast\(\).*'from_'.*not str"),
    "a layer of a number": (lambda t, x, y: t.nn.Linear(3, 2)(1), r"linear\(\).*'input'.*must be Tensor, not int"),
    "a layer of a list": (lambda t, x, y: t.nn.Linear(1, 2)([1.0]), r"linear\(\).*'input'.*must be Tensor, not list"),
    "a convolution of a number": (lambda t, x, y: t.nn.Conv2d(1, 1, 1)(1), r"conv2d\(\).*must be Tensor, not int"),
    "a network of a number": (lambda t, x, y: t.nn.Sequential(t.nn.ReLU())(1), r"relu.*must be Tensor, not int"),
    "cat of two": (lambda t, x, y: t.cat(x, x), r"cat\(\).*'tensors'.*tuple of Tensors, not Tensor"),
    "cat of one": (lambda t, x, y: t.cat(x), r"cat\(\).*'tensors'.*tuple of Tensors, not Tensor"),
    "stack of one": (lambda t, x, y: t.stack(x), r"stack\(\).*'tensors'.*tuple of Tensors, not Tensor"),
    "cat of nothing": (lambda t, x, y: t.cat([]), "cat: expected a non-empty list of Tensors"),
    "cat of a number": (lambda t, x, y: t.cat([x, 1]), r"cat\(\).*element of type int at pos 1"),
    "a class in place of a layer": (lambda t, x, y: t.nn.Sequential(t.nn.Linear), "is not a Module subclass"),
    "a class in a list": (lambda t, x, y: t.nn.ModuleList([t.nn.ReLU]), "is not a Module subclass"),
    "einsum, too many letters": (lambda t, x, y: t.einsum("ijk->i", x), r"einsum.*\(3\).*dimensions \(2\).*operand 0"),
    "einsum, too few letters": (lambda t, x, y: t.einsum("ij,ij", x, y), r"einsum.*\(2\).*dimensions \(1\).*operand"),
    "einsum, a digit": (lambda t, x, y: t.einsum("i1->i", x), "einsum: invalid subscript '1' in 'i1->i'"),
    "einsum, a dot": (lambda t, x, y: t.einsum("i.j", x), r"einsum: found '\.' in 'i\.j'"),
    "einsum, two arrows": (lambda t, x, y: t.einsum("ij->i->", x), "einsum: invalid subscript '-'"),
    "einsum of a number": (lambda t, x, y: t.einsum(1, x), "einsum.*'equation'.*not int"),
    "einsum, far subscript": (lambda t, x, y: t.einsum(x, [0, 60], [0]), r"einsum: .*range \[0, 52\), got 60"),
    "einsum, names in a list": (lambda t, x, y: t.einsum(x, ["a", "b"]), "einsum: subscripts must be integers.*str"),
    "tensor of None": (lambda t, x, y: t.tensor(None), r"tensor\(\): Could not infer dtype of NoneType"),
    "tensor of Nones": (lambda t, x, y: t.tensor([1, None]), r"tensor\(\): Could not infer dtype of NoneType"),
    "tensor of text": (lambda t, x, y: t.tensor("a"), r"tensor\(\): invalid data type 'str'"),
    "tensor of texts": (lambda t, x, y: t.tensor(["a"]), r"tensor\(\): too many dimensions 'str'"),
    "tensor of a number and text": (lambda t, x, y: t.tensor([1, "a"]), r"tensor\(\): invalid data type 'str'"),
    "ragged": (lambda t, x, y: t.tensor([[1, 2], [3]]), r"tensor\(\): expected sequence of length 2 at dim 1 "),
    "a list among numbers": (lambda t, x, y: t.tensor([1, [2]]), r"tensor\(\): 'list' object cannot be interpreted"),
    "a number among lists": (lambda t, x, y: t.tensor([[1], 2]), r"tensor\(\): not a sequence: a int"),
    "deeply ragged": (lambda t, x, y: t.tensor([[[1]], [2]]), r"tensor\(\): not a sequence: a int among .* dim 2"),
    "float of many": (lambda t, x, y: float(x), r"only one element tensors.*shape \[2, 3\]"),
    "int of many": (lambda t, x, y: int(x), r"only one element tensors.*shape \[2, 3\]"),
    "complex of many": (lambda t, x, y: complex(x), r"only one element tensors.*shape \[2, 3\]"),
    "float of none": (lambda t, x, y: float(t.ones(0)), r"only one element tensors.*shape \[0\]"),
    "item of many": (lambda t, x, y: x.item(), "a Tensor with 6 elements cannot be converted to Scalar"),
    "bool of many": (lambda t, x, y: bool(x), "Boolean value of Tensor with more than one value is ambiguous"),
    "float of a complex number": (lambda t, x, y: float(t.tensor(1j)), "type double without overflow: 1j"),
    "int of a complex number": (lambda t, x, y: int(t.tensor(1j)), "type int64_t without overflow: 1j"),
    "text as subscript": (lambda t, x, y: x["a"], r"invalid data type 'str': only integers.*got str"),
    "bytes as subscript": (lambda t, x, y: x[b"a"], r"invalid data type 'bytes': only integers"),
    "text among subscripts": (lambda t, x, y: x[0, "a"], r"invalid data type 'str': only integers"),
    "text in a list": (lambda t, x, y: x[["a"]], r"invalid data type 'str': only integers"),
    "text written to": (lambda t, x, y: x.__setitem__("a", 1), r"invalid data type 'str': only integers"),
    "fraction as subscript": (lambda t, x, y: x[1.5], r"only integers.*got float"),
    "0-d fraction as subscript": (lambda t, x, y: x[t.tensor(1.5)], "long, int, byte or bool tensors, got float32"),
    "fractions as subscript": (lambda t, x, y: x[y], "must be long, int, byte or bool tensors, got float32"),
    "cuda of the CPU": (lambda t, x, y: x.cuda("cpu"), r"cuda\(\): Invalid device, must be cuda device, got cpu"),
}  # fmt: skip


def refused(mistake: Callable, library: Any) -> Exception:
    x, y = library.ones(2, 3), library.ones(2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            mistake(library, x, y)
        except Exception as error:
            return error
    raise AssertionError("nothing was refused")


@pytest.mark.parametrize("name", MISTAKES)
def test_mistake(name: str) -> None:
    mistake, words = MISTAKES[name]
    error, wanted = refused(mistake, ours), refused(mistake, theirs)
    assert isinstance(error, type(wanted)) and type(error).__name__ == type(wanted).__name__, (
        f"{error!r}, PyTorch: {wanted!r}"
    )
    assert re.search(words, str(error), re.DOTALL), str(error)


def test_python_numbers_of_one_element() -> None:
    for library in (ours, theirs):
        assert float(library.tensor([[2]])) == 2.0 and int(library.tensor([2.5])) == 2
        assert float(library.tensor(2 + 0j)) == 2.0 and complex(library.tensor([1j])) == 1j
    assert ours.can_cast(ours.int8, int) is theirs.can_cast(theirs.int8, int)
    assert (
        str(ours.finfo(float).max) == str(theirs.finfo(float).max)
        and ours.iinfo(int).max == theirs.iinfo(int).max
    )
    assert str(ours.promote_types(float, ours.int8)) == str(theirs.promote_types(float, theirs.int8))

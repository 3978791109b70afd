"""Operations on lists, `torch._foreach_*`: names, results, returned lists and exceptions are PyTorch's."""

from __future__ import annotations

import numpy as np
import pytest
import torch as reference

import tritonnn as torch
from tritonnn.ops.optimizer.lists import BINARY, POINTWISE, UNARY

torch._foreach_add([torch.ones(1)], 1)  # so that all are published
NAMES = sorted(name for name in dir(reference) if name.startswith("_foreach_"))
DTYPES = ["float32", "float64", "bfloat16", "int64", "complex64", "bool"]


def _lists(library, dtype, count=3, positive=False):
    rng = np.random.default_rng(0)
    shapes = [(3,), (2, 4), ()]
    arrays = [rng.uniform(0.2 if positive else -3, 3, shape).astype(np.float32) for shape in shapes * 2][
        :count
    ]
    return [library.tensor(array).to(getattr(library, dtype)) for array in arrays]


def _outcome(call, library):
    """Arrays of a result, or the class of exception; a NotImplementedError is a RuntimeError."""
    try:
        found = call(library)
    except Exception as error:
        return "RuntimeError" if isinstance(error, RuntimeError) else type(error).__name__
    return [(type(found).__name__, str(t.dtype), t.detach().to(library.complex128).numpy()) for t in found]


def _assert_alike(call, rtol=1e-5):
    mine, theirs = _outcome(call, torch), _outcome(call, reference)
    if isinstance(theirs, str) or isinstance(mine, str):
        assert mine == theirs
        return
    assert [row[:2] for row in mine] == [row[:2] for row in theirs]
    for (*_, a), (*_, b) in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol, 1e-6)


def _rtol(dtype):
    return 2e-2 if dtype == "bfloat16" else 1e-5


def test_all_names_are_there():
    assert [name for name in NAMES if not hasattr(torch, name)] == []
    for name in NAMES:
        theirs = {name for name in getattr(reference.ops.aten, name).overloads() if not name.endswith("out")}
        if name not in ("_foreach_mul_", "_foreach_norm"):  # entries of the table, which have one
            assert set(getattr(torch.ops.aten, name).overloads()) == theirs, name


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [n + end for n in UNARY for end in ("", "_")])
def test_of_one_list(name, dtype):
    _assert_alike(
        lambda library: getattr(library, f"_foreach_{name}")(_lists(library, dtype, positive=True)),
        _rtol(dtype),
    )


OTHERS = {
    "number": lambda library, dtype: 2,
    "fraction": lambda library, dtype: 1.5,
    "numbers": lambda library, dtype: [2, 1.5, 3],
    "list": lambda library, dtype: _lists(library, dtype, positive=True)[::-1],
    "like": lambda library, dtype: _lists(library, dtype, positive=True),
    "float list": lambda library, dtype: _lists(library, "float64", positive=True),
    "scalar": lambda library, dtype: library.tensor(2.0),
    "vector": lambda library, dtype: library.ones(3),
    "short": lambda library, dtype: [1.0],
    "short list": lambda library, dtype: _lists(library, dtype)[:2],
    "mixed": lambda library, dtype: [1, library.ones(3), 2],
    "text": lambda library, dtype: "a",
    "none": lambda library, dtype: None,
}


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int64", "complex64"])
@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("name", [n + end for n in BINARY for end in ("", "_")])
def test_of_two_operands(name, other, dtype):
    if dtype == "int64" and "pow" in name:
        dtype = "int32"
    _assert_alike(
        lambda library: getattr(library, f"_foreach_{name}")(
            _lists(library, dtype, positive=True), OTHERS[other](library, dtype)
        ),
        _rtol(dtype),
    )


CALLS = [
    "f._foreach_add(x(), x(), alpha=2)", "f._foreach_add(x(), 1, alpha=2)", "f._foreach_add(x(), [1, 2], alpha=2)",
    "f._foreach_add(x(), f.tensor(2.), alpha=3)", "f._foreach_add_(x(), x(), alpha=2)",
    "f._foreach_sub(x(), x(), alpha=2)",
    "f._foreach_mul(x(), x(), alpha=2)", "f._foreach_add(x(), other=x())", "f._foreach_add(x(), scalar=2)",
    "f._foreach_add(x(), scalars=[1, 2])", "f._foreach_add(x())", "f._foreach_add([], 1)", "f._foreach_add([1], 1)",
    "f._foreach_add(f.ones(2), 1)", "f._foreach_sqrt([])", "f._foreach_sqrt(x(), 1)",
    "f._foreach_add_((f.ones(2),), 1)",
    "f._foreach_pow(2, x())", "f._foreach_pow(exponent=x(), self=2.)", "f._foreach_pow_(2, x())",
    "f._foreach_zero_(x())", "f._foreach_clone(x())", "f._foreach_clone(x(), memory_format=f.contiguous_format)",
    "f._foreach_copy_(x(), y())", "f._foreach_copy_(x(), [f.ones(3)])", "f._foreach_copy_([f.ones(2)], [f.ones(2, 2)])",
    "f._foreach_copy_(x(), x(), True)", "f._foreach_max(x())", "f._foreach_max([f.zeros(0)])",
    "f._foreach_mm([f.ones(2, 2)], [f.full((2, 2), 3.)])", "f._foreach_mm([f.ones(2, 2)], [f.ones(2, 3), f.ones(2)])",
    "f._foreach_powsum(x())", "f._foreach_powsum(x(), 3)", "f._foreach_powsum(x(), 1, dtype=f.float64)",
    "f._foreach_powsum([f.tensor([1])])", "f._foreach_lerp(x(), y(), 0.3)", "f._foreach_lerp(x(), y(), [0.5, 0.1])",
    "f._foreach_lerp(x(), y(), y())", "f._foreach_lerp(x(), [f.ones(3)], 0.5)",
    "f._foreach_lerp_(x(), y(), weight=0.5)",
    "f._foreach_lerp(x(), y(), f.tensor(0.5))", "f._foreach_lerp(x(), y(), weights=x())", "f._foreach_lerp(x(), y())",
    "f._foreach_clamp_min_([f.tensor([float('nan'), 1., -2., float('inf')])], 0)",
    "f._foreach_maximum_([f.tensor([float('nan'), 1., -2.]), f.tensor([-1.]).double()], 0.5)",
    "f._foreach_clamp_max_(x(), float('nan'))", "f._foreach_minimum_([f.tensor([1, 5])], 2)",
    *(
        f"f._foreach_{name}(x(), y(), y(){rest})"
        for name in ("addcmul", "addcmul_", "addcdiv", "addcdiv_")
        for rest in (
            "", ", 2", ", value=2", ", [1, 2]", ", scalars=[1, 2]", ", f.tensor([1., 2.])", ", f.tensor([1, 2])",
            ", f.tensor([1., 2., 3.])", ", f.tensor([[1., 2.]])", ", [1.]", ", 'a'", ", 1, 2",
        )
    ),
    "f._foreach_addcmul(x(), y(), [f.ones(3)])", "f._foreach_addcmul(x(), [f.ones(3)], y())",
    "f._foreach_addcmul(x(), y(), 3)",
    "f._foreach_addcdiv([f.tensor([1])], [f.tensor([1])], [f.tensor([1])])",
    "f.ops.aten._foreach_add.Scalar(x(), 2)", "f.ops.aten._foreach_add.List(x(), y())",
    "f.ops.aten._foreach_addcmul.ScalarList(x(), y(), y(), [1, 2])",
]  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
def test_calls(call):
    def run(library):
        names = {
            "f": library,
            "x": lambda: _lists(library, "float32", 2),
            "y": lambda: _lists(library, "float32", 2, True),
        }
        return eval(call, names)

    _assert_alike(run)


@pytest.mark.parametrize("name", ["add", "mul", "addcmul", "lerp", "sqrt", "clamp_min", "pow", "mm"])
def test_gradients(name):
    def run(library):
        x, y = ([t.requires_grad_() for t in _lists(library, "float64", 2, True)] for _ in range(2))
        if name == "mm":
            x, y = [x[1]], [y[1].detach().T]
        others = {
            "add": (y,),
            "mul": (2,),
            "addcmul": (y, y),
            "lerp": (y, 0.3),
            "clamp_min": (1.0,),
            "pow": (y,),
            "mm": (y,),
        }
        results = getattr(library, f"_foreach_{name}")(x, *others.get(name, ()))
        sum((t * t).sum() for t in results).backward()
        return [t.grad for t in x]

    _assert_alike(run)


def test_in_place_the_list_itself_comes_back_and_leaves_are_refused():
    tensors = [torch.ones(2), torch.ones(3)]
    assert torch._foreach_add_(tensors, 1) is tensors
    assert torch._foreach_clamp_max_(tensors, 1.5) is tensors
    assert tensors[1].tolist() == [1.5] * 3
    assert torch.ops.aten._foreach_add_.Scalar(tensors, 1) is None
    for name, more in (("add_", (1,)), ("clamp_min_", (2.0,)), ("sqrt_", ()), ("zero_", ())):
        for library in (torch, reference):
            with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
                getattr(library, f"_foreach_{name}")([library.ones(2).requires_grad_()], *more)


def test_subclasses_take_the_calls_over():
    class Told(torch.Tensor):
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            return func.__name__

    assert torch._foreach_add([torch.ones(2).as_subclass(Told)], 1) == "_foreach_add"


def test_the_table_names_what_is_made():
    made = {f"_foreach_{n}{end}" for n in (*UNARY, *BINARY, *POINTWISE, "lerp") for end in ("", "_")}
    rest = {f"_foreach_{n}" for n in ("zero_", "clone", "copy_", "max", "mm", "powsum", "norm")}
    assert made | rest == set(NAMES)

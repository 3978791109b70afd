"""What PyTorch refuses for its type is refused here by an exception of the same type, with the op's name."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch as reference
from reference_ops import counterpart, to_reference
from support import samples

import tritonnn as torch
from tritonnn.ops._table import OPS

WRONG = ("a", 1.5, [1.5], None, object(), True, -1, (1, 2), {}, b"x", 1j)
KINDS = (TypeError, IndexError, NotImplementedError, ValueError, OverflowError, RuntimeError, AttributeError)
# Entries whose samples cannot be given to PyTorch, or whose results are random anyway.
LEFT_OUT = ("random",)

CONTAINERS = "an empty dict or bytes passes as sizes in PyTorch's Python code, and fails later or elsewhere"
COMPLEX = "a complex number is refused as one, where PyTorch refuses what it would make of it"
LISTS = "a list or tuple is taken where PyTorch wants a tensor, and fails for its values"
SIZES = "one number is taken for a size, and fails for its value"
# Entry -> why the types of exception differ.
REASONS = {
    **dict.fromkeys(
        ("unfold", "fold", "adaptive_max_pool2d", "adaptive_max_pool3d", "adaptive_max_pool2d_with_indices",
         "adaptive_max_pool3d_with_indices", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "lp_pool2d", "lp_pool3d",
         "max_unpool1d", "max_unpool2d", "max_unpool3d"), CONTAINERS),
    **dict.fromkeys(("threshold", "renorm", "clamp", "xlog1py", "lp_pool1d"), COMPLEX),
    **dict.fromkeys(("quantile", "nanquantile", "repeat_interleave"), LISTS),
    "affine_grid": LISTS,
    "convolution": SIZES,
    **dict.fromkeys(("cudnn_convolution_relu", "cudnn_convolution_add_relu"), SIZES),
    "movedim": "sizes of another number are told as such, where PyTorch finds no signature",
    "isin": "a truth value or a complex number counts as a number",
    "slice_scatter": "a truth value counts as an index",
    "gaussian_nll_loss": "PyTorch looks at var before target, and is confused by a number",
    "scatter_reduce": "the type of reduce is looked at first", "index_reduce": "the type of reduce is looked at first",
    "segment_reduce": "the type of reduce is looked at first",
    "native_layer_norm": "the shapes are looked at before the numbers",
    "einsum": "PyTorch iterates over bytes", "to": "PyTorch takes bytes for the name of a device",
    "asarray": "PyTorch takes bytes for a buffer of numbers",
    "upsample_bilinear": "PyTorch compares the number of sizes before their types",
    "scaled_mm": "PyTorch looks at the scales together, ours one by one",
}  # fmt: skip


def outcome(call: Any, *args: Any, **kwargs: Any) -> tuple[Any, str]:
    """The type among KINDS of the exception, None where there is none, and its text."""
    try:
        call(*args, **kwargs)
    except Exception as error:
        return next((kind for kind in KINDS if isinstance(error, kind)), type(error)), str(error)
    return None, ""


@pytest.fixture(scope="module")
def compared() -> tuple[int, int, dict[str, list]]:
    """(combinations compared, those that agree, entry -> the rest)."""
    agree, rest = 0, {}
    for op in OPS.values():
        theirs = counterpart(op) if op.api and op.samples and op.family not in LEFT_OUT else None
        if theirs is None:
            continue
        sample = samples(op, "cpu", torch.float32 if torch.float32 in op.dtypes else op.dtypes[-1])[0]
        kwargs = {key: to_reference(value) for key, value in sample.kwargs.items()}
        for place, given in enumerate(sample.args):
            for value in WRONG:
                if type(given) is type(value):
                    continue
                args = [to_reference(arg) for arg in sample.args]
                args[place] = value
                wanted, why = outcome(theirs, *args, **kwargs)
                if wanted is None:
                    continue
                mine = outcome(
                    op.function, *sample.args[:place], value, *sample.args[place + 1 :], **sample.kwargs
                )
                # PyTorch's Python code that finds no such attribute has not looked: TypeError is what it means.
                accepted = (
                    (TypeError, NotImplementedError, ValueError) if wanted is AttributeError else (wanted,)
                )
                if mine[0] in accepted:
                    agree += 1
                else:
                    rest.setdefault(op.public_name, []).append((place, value, mine, wanted, why))
    return agree + sum(map(len, rest.values())), agree, rest


@pytest.mark.filterwarnings("ignore")
def test_types_of_exceptions_agree(compared):
    count, agree, _ = compared
    assert count > 7500
    assert agree >= 0.985 * count, f"{agree} of {count}"


@pytest.mark.filterwarnings("ignore")
def test_the_rest_has_reasons(compared):
    rest = compared[2]
    assert set(rest) == set(REASONS), {name: rest.get(name) for name in set(rest) ^ set(REASONS)}


# ---- methods ------------------------------------------------------------------------------------------------

NOT_CALLED = {  # call what they are given, or move memory
    "apply_", "map_", "map2_", "backward", "share_memory_", "pin_memory", "module_load", "cuda",
    "ipu", "mtia", "xpu",
    # of sparse tensors alone: of a dense matrix both refuse them, whatever they are given
    "ccol_indices", "coalesce", "col_indices", "crow_indices", "indices", "is_coalesced", "resize_as_sparse_",
    "row_indices", "sparse_resize_", "sparse_resize_and_clear_", "values",
}  # fmt: skip
CALLS = (
    ("a",),
    (1.5,),
    (None,),
    ([1.5],),
    (object(),),
    (1.5, 1.5),
    ("a", "a"),
    (True,),
    (1, 2, 3, 4, 5, 6, 7),
)
NONE = "None stands for nothing given"
FORMATS = "a memory format is taken by position as well, and None for none"
METHODS = {
    **dict.fromkeys(("eig", "symeig"), "of PyTorch only the names are left, which refuse every call"),
    **dict.fromkeys(
        ("bfloat16", "bool", "byte", "cdouble", "cfloat", "chalf", "char", "contiguous", "cpu", "double", "float",
         "half", "int", "is_contiguous", "long", "short"), FORMATS),
    **dict.fromkeys(
        ("max", "median", "min", "nanmedian", "prod", "random_", "set_", "squeeze", "squeeze_", "bernoulli"), NONE),
    "count_nonzero": "dimensions in line are no form of it here", "index": "the form of older programs",
    "nanquantile": LISTS, "quantile": LISTS, "repeat_interleave": LISTS,
    "type": "the name of the type is looked at first",
    "to_sparse": "None is the number of dimensions that is not given",
    "resize": "the types of the sizes are looked at before their product",
    "slice_inverse": "the shapes are looked at before the numbers",
}  # fmt: skip


def matrix(library: Any) -> Any:
    return library.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])


@pytest.fixture(scope="module")
def methods() -> tuple[int, int, dict[str, list], list]:
    """(calls compared, those that agree, method -> the rest, refusals that do not name the method)."""
    count, rest, nameless = 0, {}, []
    for name in dir(torch.Tensor):
        own = getattr(torch.Tensor, name)
        if (
            name.startswith("_")
            or not callable(own)
            or not hasattr(reference.Tensor, name)
            or name in NOT_CALLED
        ):
            continue
        op = getattr(own, "op", None)
        names = {name, name.removesuffix("_"), *([] if op is None else [op.name, op.public_name])}
        for args in CALLS:
            wanted, why = outcome(getattr(matrix(reference), name), *args)
            if wanted in (None, AttributeError):
                continue
            mine, text = outcome(getattr(matrix(torch), name), *args)
            count += 1
            if mine is not wanted:
                rest.setdefault(name, []).append((args, mine, text, wanted, why))
            if mine is TypeError and not any(re.search(rf"\b{re.escape(n)}", text) for n in names):
                nameless.append((name, args, text))
    return count, count - sum(map(len, rest.values())), rest, nameless


@pytest.mark.filterwarnings("ignore")
def test_methods_agree(methods):
    count, agree, rest, _ = methods
    assert count > 3500 and agree >= 0.985 * count, f"{agree} of {count}"
    assert set(rest) == set(METHODS), {name: rest.get(name) for name in set(rest) ^ set(METHODS)}


# Told by what they stand for, or by what does the work.
ELSEWHERE = {"ndimension", "nelement", "new", "new_tensor", "index", "is_pinned", "clamp_max_", "clamp_min_"}
ELSEWHERE |= {"true_divide_"}


@pytest.mark.filterwarnings("ignore")
def test_methods_name_themselves(methods):
    assert [row for row in methods[3] if row[0] not in ELSEWHERE] == []

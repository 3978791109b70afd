"""A call that PyTorch's signatures allow fits ours: names, order, kinds and defaults, of every overload.

Of functions and methods, builtins among them; `test_signature_parity.py` compares what is Python in both libraries.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch as reference
from overloads import UNKNOWN, P, overloads
from test_signature_parity import namespace

import tritonnn as torch

PLACES = ["", "Tensor", "nn.functional", "linalg", "special", "fft"]
POSITIONAL = (P.POSITIONAL_ONLY, P.POSITIONAL_OR_KEYWORD)
# Defaults that stand for nothing given.
NOTHING = ("None", "()", "[]", "strided", "torch.contiguous_format", "torch.preserve_format")

REDUCED = "the table of operators says 1, the function's default is 0"
OUT_DTYPE = (
    "not supported: out_dtype, a product of another dtype than its factors', which CUDA alone has: raises"
)
STUB = "PyTorch's stub is wrong: it refuses this call itself"
DX = "dx=1 of the overload without x; as dx says where x is given as well, None is its default here"
ALPHA = "alpha by position, where other is a number, is taken as in (input, alpha, other): the same product"
UNBIASED = "unbiased=True and correction=None of two overloads: None stands for both"
# "a.b": why a call that PyTorch's signatures allow does not fit ours.
EXCEPTIONS = {
    **dict.fromkeys(
        ("detach_copy", "frobenius_norm", "hspmm", "native_batch_norm", "nuclear_norm",
         "slice_copy", "sspaddmm"),
        "not supported: out= of this form: refused",
    ),
    "kl_div": REDUCED,
    "range": "not supported: pin_memory: refused",
    "smm": "the second matrix is called mat in PyTorch's documentation and mat2 in its operator",
    "Tensor.xpu": "there is no such device: not supported: memory_format",
    **dict.fromkeys(("fft.fft2", "fft.hfft2", "fft.ifft2", "fft.ihfft2", "fft.irfft2", "fft.rfft2"),
                    "the same dimensions as a tuple: PyTorch's text has a list"),
    "addmm": OUT_DTYPE, "baddbmm": OUT_DTYPE, "bmm": OUT_DTYPE, "mm": OUT_DTYPE,
    "binary_cross_entropy_with_logits": REDUCED, "cosine_embedding_loss": REDUCED, "ctc_loss": REDUCED,
    "hinge_embedding_loss": REDUCED, "margin_ranking_loss": REDUCED, "triplet_margin_loss": REDUCED,
    "cumulative_trapezoid": DX, "trapezoid": DX, "trapz": DX,
    "std": UNBIASED, "std_mean": UNBIASED, "var": UNBIASED, "var_mean": UNBIASED,
    "Tensor.std": UNBIASED, "Tensor.var": UNBIASED,
    "tensor": STUB, "Tensor.new_tensor": STUB, "Tensor.requires_grad_": STUB,
    "subtract": ALPHA, "Tensor.subtract": ALPHA, "Tensor.subtract_": ALPHA,
    **dict.fromkeys(
        ("gru", "lstm", "rnn_relu", "rnn_tanh"), "the form of packed rows (data, batch_sizes, ...) is taken by position"
    ),
    "rrelu": "the operator's generator stands at the place of nn.functional's inplace; by name it is taken",
    "nn.functional.elu_": "not supported: scale and input_scale, undocumented: raises",
    "Tensor.index": "not supported: indices and first-class dimensions, of functorch: raises",
    "linspace": "steps=100, which PyTorch had until 1.11; the stub's None is refused",
    "logspace": "steps=100, which PyTorch had until 1.11; the stub's None is refused",
    "eig": "of PyTorch only the name is left; results are written into out=, not e= and v=",
    "lobpcg": "not supported: a tracker, and parameters of the orthogonalization: raises",
    "linalg.matrix_norm": "PyTorch's default is a list, which any call could change",
    "linalg.matrix_exp": "not supported: out=, which PyTorch does not document: raises",
    "save": "None stands for pickle, which is imported when needed",
}  # fmt: skip


def by_type(t: Any, x: Any, where: Any) -> dict[str, list]:
    """Calls whose meaning is told by the types of arguments, so that names do not show whether they fit."""
    zeros = lambda: t.zeros(2, 3)
    return {
        "arange": [t.arange(3), t.arange(end=3), t.arange(1, 3), t.arange(start=1, end=3)],
        "randint_like": [t.randint_like(x, 1), t.randint_like(x, high=1), t.randint_like(x, low=2, high=3)],
        "repeat_interleave": [
            t.repeat_interleave(where[0]), t.repeat_interleave(repeats=where[0]), t.repeat_interleave(x, 2),
        ],
        "scatter": [
            t.scatter(zeros(), 1, where, 2.0), t.scatter(zeros(), 1, where, value=2.0),
            t.scatter(zeros(), 1, where, 2.0, reduce="add"), t.scatter(zeros(), 1, where, x),
        ],
        "Tensor.scatter": [zeros().scatter(1, where, 2.0), zeros().scatter(1, where, value=2.0)],
        "Tensor.scatter_": [zeros().scatter_(1, where, 2.0), zeros().scatter_(1, where, 2.0, reduce="add")],
        "subtract": [t.subtract(x, 2, 3)],
        "Tensor.subtract": [x.subtract(2, 3)],
        "Tensor.subtract_": [zeros().subtract_(2, 3)],
        "std": [t.std(x, False), t.std(x, unbiased=False), t.std(x, 1, False), t.std(x, 1, correction=0)],
        "var": [t.var(x, False), t.var(x, unbiased=False), t.var(x, 1, False), t.var(x, (0, 1), correction=0)],
        "std_mean": [*t.std_mean(x, False), *t.std_mean(x, 1, False, True)],
        "var_mean": [*t.var_mean(x, False), *t.var_mean(x, 1, False, True)],
        "Tensor.std": [x.std(False), x.std(1, False)],
        "Tensor.var": [x.var(False), x.var(1, False)],
    }  # fmt: skip


def arguments(library: Any) -> tuple:
    return library.tensor([[1.0, 2.0, 4.0], [0.0, 3.0, 5.0]]), library.tensor([[0, 2], [1, 0]])


BY_TYPE = tuple(by_type(torch, *arguments(torch)))


def members(place: str) -> Iterator[tuple[str, Any, list[inspect.Signature]]]:
    """(path, ours, PyTorch's signatures) of the functions that both libraries have there."""
    mine, theirs = namespace(torch, place), namespace(reference, place)
    for name in dir(theirs):
        a, b = getattr(mine, name, None), getattr(theirs, name)
        if name.startswith("_") or getattr(b, "__module__", "") == "typing":
            continue
        if callable(a) and callable(b) and not inspect.isclass(a) and not inspect.isclass(b):
            yield f"{place}.{name}".removeprefix("."), a, overloads(place, name, b)


CASES = {path: (mine, theirs) for place in PLACES for path, mine, theirs in members(place)}


def alike(mine: Any, theirs: Any) -> bool:
    """Whether two defaults mean the same: numbers by value, objects of the libraries by name."""
    if isinstance(mine, (bool, int, float)) and isinstance(theirs, (bool, int, float)):
        return mine == theirs and isinstance(mine, bool) == isinstance(theirs, bool)
    if isinstance(theirs, (list, tuple)) and theirs and len(set(theirs)) == 1:
        return alike(mine, theirs[0])  # padding=(0, 0)
    texts = [str(value).replace("tritonnn", "torch") for value in (mine, theirs)]
    return texts[0] == texts[1] or all(text in NOTHING for text in texts)


def differences(path: str, mine: Callable, signatures: list[inspect.Signature]) -> Iterator[str]:
    own = inspect.signature(mine)
    op = getattr(mine, "op", None)
    named = op.aliases if op is not None else {}
    method = path.startswith("Tensor.")
    if method:
        own = own.replace(parameters=list(own.parameters.values())[1:])
    defaults: dict[str, list] = {}
    for signature in signatures:
        parameters = list(signature.parameters.values())[method:]
        names = [named.get(p.name, p.name) if p.name not in own.parameters else p.name for p in parameters]
        renamed = list(zip(names, parameters, strict=True))
        positional = [name for name, p in renamed if p.kind in POSITIONAL]
        only = [name for name, p in renamed if p.kind is P.POSITIONAL_ONLY]
        keyword = [name for name, p in renamed if p.kind is P.KEYWORD_ONLY]
        required = [
            name for name, p in renamed if p.default is P.empty and p.kind in (*POSITIONAL, P.KEYWORD_ONLY)
        ]
        for args, kwargs in (
            (positional, keyword),
            (only, [*positional[len(only) :], *keyword]),
            ([n for n in positional if n in required], [n for n in keyword if n in required]),
        ):
            if any(p.kind is P.VAR_POSITIONAL for p in parameters):
                args = [*args, "any"]
            try:
                bound = own.bind(*args, **{name: name for name in kwargs})
            except TypeError as error:
                yield f"{error}: {signature}"
                continue
            if path not in BY_TYPE:
                for name, value in bound.arguments.items():
                    if value.__class__ is str and value not in (name, "any"):
                        yield f"{value} is {name} here: {signature}"
        for name, p in renamed:
            if p.default is not P.empty and p.default != UNKNOWN and name in own.parameters:
                defaults.setdefault(name, []).append(p.default)
    for name, theirs in defaults.items():
        if not any(alike(own.parameters[name].default, default) for default in theirs):
            yield f"{name}={own.parameters[name].default!r}, and in PyTorch {theirs}"


def test_there_is_something_to_compare():
    assert len(CASES) > 1050
    silent = {path for path, (_, theirs) in CASES.items() if not theirs and "autocast" not in path}
    # PyTorch says nothing about these
    assert silent == {
        "to_dlpack", "Tensor.cdouble", "Tensor.cfloat", "is_anomaly_enabled", "is_anomaly_check_nan_enabled",
        "Tensor.const_data_ptr", "Tensor.mtia", "Tensor.ipu", "fork", "wait", "set_anomaly_enabled",
    }  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_every_call_fits(place):
    wrong = {}
    for path, (mine, theirs) in CASES.items():
        if path.rpartition(".")[0] == place and path not in EXCEPTIONS:
            told = list(dict.fromkeys(differences(path, mine, theirs)))
            if told:
                wrong[path] = told
    assert not wrong, "\n".join(
        f"{path}{inspect.signature(CASES[path][0])}: {told}" for path, told in wrong.items()
    )


@pytest.mark.parametrize("path", EXCEPTIONS)
def test_exceptions_differ(path):
    assert list(differences(path, *CASES[path])), f"{path} is no exception any more"


@pytest.mark.parametrize("path", BY_TYPE)
def test_what_types_tell_apart(path):
    got = by_type(torch, *arguments(torch))[path]
    wanted = by_type(reference, *arguments(reference))[path]
    for a, b in zip(got, wanted, strict=True):
        assert str(a.dtype).replace("tritonnn", "torch") == str(b.dtype)
        assert a.tolist() == pytest.approx(b.tolist()) if not a.shape else a.shape == b.shape
        assert reference.tensor(a.tolist()).allclose(reference.tensor(b.tolist()))


UNSUPPORTED = {
    "addmm": lambda x: torch.addmm(x, x, x, torch.float32), "mm": lambda x: torch.mm(x, x, out_dtype=torch.float32),
    "elu_": lambda x: torch.nn.functional.elu_(x, 1, 1, 1),
    "index": lambda x: x.index(0, 1), "names": lambda x: torch.full((2,), 1, names=("N",)),
}  # fmt: skip


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_what_is_not_supported_raises(name):
    with pytest.raises(TypeError, match=name):
        UNSUPPORTED[name](torch.ones(2, 2))


def numpy_names() -> Iterator[Any]:
    """Calls by NumPy's names of arguments, which PyTorch's builtins take."""
    yield from (
        ("sum", {"axis": 0, "keepdims": True}), ("amax", {"axis": 1}), ("softmax", {"axis": 1}), ("prod", {"axis": 0}),
        ("var", {"axis": 0, "keepdims": True}), ("std", {"axis": 0}), ("nansum", {"axis": 0}), ("squeeze", {"axis": 0}),
        ("unsqueeze", {"axis": 0}), ("argmax", {"axis": 1, "keepdims": True}), ("max", {"axis": 1}),
        ("median", {"axis": 1, "keepdims": True}), ("unbind", {"axis": 1}), ("cumsum", {"axis": 1}),
        ("sort", {"axis": 1}), ("argsort", {"axis": 1}), ("diff", {"axis": 0}), ("logsumexp", {"axis": 0}),
        ("nanmean", {"axis": 0}), ("topk", {"k": 1, "axis": 0}), ("log_softmax", {"axis": 0}),
    )  # fmt: skip


@pytest.mark.parametrize(("name", "options"), list(numpy_names()))
def test_numpy_names(name, options):
    def flat(result: Any) -> list:
        return [t.tolist() for t in result] if isinstance(result, (tuple, list)) else [result.tolist()]

    for first in ("input", "x", "a", "x1"):
        got, wanted = (
            flat(getattr(t, name)(**{first: arguments(t)[0]}, **options)) for t in (torch, reference)
        )
        assert len(got) == len(wanted)
        for a, b in zip(got, wanted, strict=True):
            assert reference.tensor(a).allclose(reference.tensor(b), equal_nan=True)
    method = flat(getattr(arguments(torch)[0], name)(**options))
    assert str(method) == str(got)

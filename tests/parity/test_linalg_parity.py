"""Linear algebra on the calls of PyTorch's own op database: values, gradients, second gradients, refusals, `out=`."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch as reference
from torch.testing._internal.common_methods_invocations import op_db

import tritonnn as torch

OTHERS = {
    "cholesky", "cholesky_inverse", "cholesky_solve", "cross", "geqrf", "inverse", "logdet", "lu", "lu_solve",
    "lu_unpack", "matrix_exp", "ormqr", "pinverse", "qr", "svd", "trapezoid", "trapz", "triangular_solve",
    "cartesian_prod", "det", "slogdet",
}  # fmt: skip
# Of phases, signs or pivots that may be others: sizes are compared.
SIZES = {"linalg.eig", "linalg.eigh", "linalg.svd", "svd", "linalg.eigvals", "linalg.ldl_factor"}
ANY_ORDER = {"linalg.eigvals", "linalg.eig"}
# name -> why its samples are not taken
LEFT_OUT = {
    "linalg.vector_norm": "tests/parity/test_weight_norms_parity.py",
    "linalg.multi_dot": "tests/parity/test_ops_parity.py",
}
OTHER_GRADIENT = {
    "cholesky_inverse": "PyTorch's is that of a factor whose other triangle is read as well",
    "cholesky_solve": "PyTorch's is that of a factor whose other triangle is read as well",
    "linalg.cond": "PyTorch's raises: it writes infinity over a result in place",
}
SAMPLES = 24  # of an entry; some have hundreds
ROUGH = {reference.float64: 1e-8, reference.complex128: 1e-8, reference.float32: 2e-3}


def _entries() -> list[Any]:
    rows = {}
    for op in op_db:
        taken = op.name.startswith("linalg.") or op.name in OTHERS
        if taken and op.name not in LEFT_OUT:
            rows[f"{op.name}{'-' + op.variant_test_name if op.variant_test_name else ''}"] = op
    return [pytest.param(op, id=name) for name, op in rows.items()]


ENTRIES = _entries()


def ours(op: Any) -> Any:
    """The function of the name, called as the entry of the database calls PyTorch's."""
    if (op.name, op.variant_test_name) == ("linalg.pinv", "singular"):
        return lambda a, b: torch.linalg.pinv(a @ b.mT)
    if op.variant_test_name == "grad_oriented":
        return lambda a, b, driver: torch.linalg.lstsq(a, b, driver=driver)[:2]
    place = torch
    for part in op.name.split("."):
        place = getattr(place, part)
    return place


def moved(value: Any, leaves: list[Any] | None = None) -> Any:
    """A tensor of PyTorch's, or tensors in lists and dictionaries, as ours."""
    if isinstance(value, reference.Tensor):
        tensor = torch.from_numpy(np.array(value.detach().resolve_conj().resolve_neg().numpy()))
        if leaves is not None and value.requires_grad:
            tensor.requires_grad_()
            leaves.append((tensor, value))
        return tensor
    if isinstance(value, reference.dtype):
        return getattr(torch, str(value).removeprefix("torch."))
    if isinstance(value, (list, tuple)):
        return type(value)([moved(item, leaves) for item in value])
    if isinstance(value, dict):
        return {key: moved(item, leaves) for key, item in value.items()}
    return value


def flat(value: Any) -> list[Any]:
    if isinstance(value, (list, tuple)):
        return [tensor for item in value for tensor in flat(item)]
    return [value]


def numbers(tensor: Any) -> np.ndarray:
    return np.asarray(
        tensor.detach().resolve_conj().numpy() if hasattr(tensor, "resolve_conj") else tensor.detach().numpy()
    )


def samples(op: Any, dtype: Any, grad: bool = False) -> Iterator[Any]:
    if dtype not in op.supported_dtypes("cpu"):
        return
    reference.manual_seed(7)
    every = list(op.sample_inputs("cpu", dtype, requires_grad=grad))
    yield from every[:: max(1, len(every) // SAMPLES)]


@pytest.fixture(autouse=True)
def _quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.mark.parametrize("dtype", [reference.float64, reference.float32, reference.complex128], ids=str)
@pytest.mark.parametrize("op", ENTRIES)
def test_values(op, dtype):
    """Values, shapes and types of every result."""
    for sample in samples(op, dtype):
        wanted = flat(op(sample.input, *sample.args, **sample.kwargs))
        got = flat(ours(op)(moved(sample.input), *moved(sample.args), **moved(sample.kwargs)))
        assert len(got) == len(wanted)
        for place, (a, b) in enumerate(zip(got, wanted, strict=True)):
            assert tuple(a.shape) == tuple(b.shape), sample
            assert str(a.dtype) == str(b.dtype), sample
            x, y = numbers(a), numbers(b)
            if op.name in ("svd", "linalg.svd") and place != 1:
                continue  # what completes a basis may be any
            if op.name in SIZES:
                x, y = np.abs(x), np.abs(y)
            if op.name in ANY_ORDER:
                x, y = np.sort(x.reshape(-1)), np.sort(y.reshape(-1))
            scale = max(1.0, float(np.abs(y[np.isfinite(y)]).max(initial=0)))
            rough = ROUGH[dtype]
            np.testing.assert_allclose(x, y, rtol=rough, atol=rough * scale, err_msg=repr(sample))


def loss(results: Any) -> Any:
    """A sum of squared sizes, which no phase of a vector changes, weighted by place."""
    total = None
    for place, result in enumerate(flat(results)):
        if not result.requires_grad:
            continue
        size = (result * result.conj()).real if result.dtype.is_complex else result * result
        term = ((place + 1) * size * (1 + 0.1 * _counting(size))).sum()
        total = term if total is None else total + term
    return total


def _counting(like: Any) -> Any:
    library = torch if type(like).__module__.startswith("tritonnn") else reference
    shape = tuple(like.shape)
    return library.from_numpy(np.arange(float(np.prod(shape))).reshape(shape)).to(like.dtype)


def gradients(library: Any, total: Any, leaves: list[Any], again: bool) -> list[Any]:
    grads = library.autograd.grad(total, leaves, create_graph=again, allow_unused=True)
    if not again:
        return list(grads)
    second = loss([g for g in grads if g is not None])
    return (
        [None] * len(leaves)
        if second is None
        else list(library.autograd.grad(second, leaves, allow_unused=True))
    )


@pytest.mark.parametrize("again", [False, True], ids=["first", "second"])
@pytest.mark.parametrize("dtype", [reference.float64, reference.complex128], ids=str)
@pytest.mark.parametrize("op", ENTRIES)
def test_gradients(op, dtype, again):
    """The gradient of a loss that no phase changes, and the gradient of that one's size."""
    if op.name in OTHER_GRADIENT or not op.supports_autograd or (again and not op.supports_gradgrad):
        pytest.skip(OTHER_GRADIENT.get(op.name, "PyTorch has none"))
    if again and op.variant_test_name == "subgradients_at_zero":
        pytest.skip("at a kink there is no second derivative")
    rough = 1e-6 if again else 1e-7
    for count, sample in enumerate(samples(op, dtype, True)):
        if count >= (6 if again else 1000):
            break
        leaves: list[Any] = []
        args = [moved(part, leaves) for part in (sample.input, sample.args, sample.kwargs)]
        theirs = [leaf for _, leaf in leaves]
        total = loss(op(sample.input, *sample.args, **sample.kwargs))
        if total is None or not leaves:
            continue
        try:
            wanted = gradients(reference, total, theirs, again)
        except RuntimeError:
            continue  # PyTorch has none
        got = gradients(
            torch, loss(ours(op)(args[0], *args[1], **args[2])), [leaf for leaf, _ in leaves], again
        )
        for a, b in zip(got, wanted, strict=True):
            zero = np.zeros(())
            x, y = zero if a is None else numbers(a), zero if b is None else numbers(b)
            x, y = np.broadcast_arrays(x, y)
            scale = max(1.0, float(np.abs(y).max(initial=0)))
            if not scale < 1e12:
                continue  # a derivative that there is not, or of exponentials that neither has digits of
            np.testing.assert_allclose(x, y, rtol=rough, atol=rough * scale, err_msg=repr(sample))


@pytest.mark.parametrize("op", ENTRIES)
def test_refusals(op):
    """What PyTorch's database says is refused, with the same type of error."""
    if op.error_inputs_func is None:
        pytest.skip("there are none")
    accepted = []
    for bad in op.error_inputs("cpu"):
        sample = bad.sample_input
        kind = bad.error_type if bad.error_type.__module__ == "builtins" else RuntimeError
        try:
            ours(op)(moved(sample.input), *moved(sample.args), **moved(sample.kwargs))
        except kind:
            continue
        accepted.append(sample)
    assert not accepted


@pytest.mark.parametrize("op", ENTRIES)
def test_out(op):
    """`out=` receives the results."""
    if not op.supports_out:
        pytest.skip("PyTorch takes none")
    for sample in samples(op, reference.float64):
        args, kwargs = moved(sample.args), moved(sample.kwargs)
        wanted = ours(op)(moved(sample.input), *args, **kwargs)
        outs = [torch.empty_like(part) for part in flat(wanted)]
        out = outs[0] if isinstance(wanted, torch.Tensor) else tuple(outs)
        ours(op)(moved(sample.input), *args, **kwargs, out=out)
        for a, b in zip(outs, flat(wanted), strict=True):
            np.testing.assert_array_equal(numbers(a), numbers(b))
        break


@pytest.mark.parametrize("largest", [True, False])
def test_gradient_of_outermost_eigenvalues(largest):
    M = np.random.default_rng(0).standard_normal((2, 9, 9))
    start = np.random.default_rng(1).standard_normal((2, 9, 2))
    found = []
    for library in (reference, torch):
        A = library.tensor((M @ M.swapaxes(-1, -2)).tolist(), dtype=library.float64, requires_grad=True)
        X = library.tensor(start.tolist(), dtype=library.float64)
        values, vectors = library.lobpcg(A, 2, X=X, largest=largest, niter=100, tol=1e-13)
        (values.sum() + (vectors**2)[..., :4, :].sum()).backward()
        found.append(A.grad.numpy())
    np.testing.assert_allclose(*found, rtol=1e-6, atol=1e-8)

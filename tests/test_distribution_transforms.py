"""Constraints and the transforms into them: inverses, Jacobians by differentiation, caches, shapes."""

from __future__ import annotations

import numpy as np
import pytest
from support import array

import tritonnn as torch
from tritonnn import distributions as D
from tritonnn.distributions import constraints as C
from tritonnn.distributions import transforms as T


def real(*shape: int) -> torch.Tensor:
    return torch.tensor(np.random.default_rng(1).normal(size=shape))


POSITIVE = real(4).abs() + 0.1
SIMPLEX = torch.softmax(real(4), -1)
# name: (transform, a value of its domain)
TRANSFORMS = {
    "abs": (T.AbsTransform(), POSITIVE),
    "affine": (T.AffineTransform(1.0, -2.0), real(4)),
    "affine of tensors": (T.AffineTransform(real(4), POSITIVE), real(4)),
    "affine of vectors": (T.AffineTransform(1.0, 2.0, event_dim=1), real(4)),
    "cat": (T.CatTransform([T.ExpTransform(), T.TanhTransform()], lengths=[1, 3]), real(4)),
    "cdf": (T.CumulativeDistributionTransform(D.Normal(torch.tensor(0.5).double(), 2.0)), real(4)),
    "compose": (T.ComposeTransform([T.AffineTransform(1.0, 2.0), T.SigmoidTransform()]), real(4)),
    "corr": (T.CorrCholeskyTransform(), real(6)),
    "corr of 2": (T.CorrCholeskyTransform(), real(1)),
    "exp": (T.ExpTransform(), real(4)),
    "independent": (T.IndependentTransform(T.ExpTransform(), 1), real(4)),
    "inverse": (T.ExpTransform().inv, POSITIVE),
    "power": (T.PowerTransform(torch.tensor(-1.5).double()), POSITIVE),
    "reshape": (T.ReshapeTransform((4,), (2, 2)), real(4)),
    "sigmoid": (T.SigmoidTransform(), real(4)),
    "softplus": (T.SoftplusTransform(), real(4)),
    "stack": (T.StackTransform([T.ExpTransform(), T.SigmoidTransform()], dim=0), real(2)),
    "stick": (T.StickBreakingTransform(), real(3)),
    "tanh": (T.TanhTransform(), real(4)),
}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_inverse_and_constraints(name):
    transform, x = TRANSFORMS[name]
    y = transform(x)
    np.testing.assert_allclose(array(transform.inv(y)), array(x), rtol=1e-9, atol=1e-9)
    assert bool(transform.domain.check(x).all()) and bool(transform.codomain.check(y).all())
    assert transform.inv.inv is transform or transform.inv.inv == transform
    assert tuple(transform.forward_shape(x.shape)) == tuple(y.shape)
    assert tuple(transform.inverse_shape(y.shape)) == tuple(x.shape)
    batch = torch.stack([x, x]) if name not in ("cat", "stack", "affine of tensors") else None
    if batch is not None:
        np.testing.assert_allclose(array(transform(batch)[1]), array(y), rtol=1e-12)


def free(y: torch.Tensor, name: str) -> torch.Tensor:
    """The elements of a result that the others do not decide."""
    if name.startswith("corr"):
        return D.utils.tril_matrix_to_vec(y, diag=-1)
    return y[:-1] if name == "stick" else y.reshape(-1)


@pytest.mark.parametrize("name", [n for n in TRANSFORMS if n != "abs"])
def test_jacobian(name):
    """The determinant of the matrix of derivatives, of those elements that are free."""
    transform, x = TRANSFORMS[name]
    rows = []
    for i in range(free(transform(x), name).numel()):
        leaf = x.clone().requires_grad_()
        (grad,) = torch.autograd.grad(free(transform(leaf), name)[i], leaf)
        rows.append(array(grad))
    wanted = np.linalg.slogdet(np.array(rows))[1]
    got = transform.log_abs_det_jacobian(x, transform(x))
    assert float(got.sum()) == pytest.approx(wanted, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("registry", [D.biject_to, D.transform_to])
@pytest.mark.parametrize(
    ("constraint", "shape"),
    [
        (C.real, (3,)), (C.positive, (3,)), (C.nonnegative, (3,)), (C.greater_than(2.0), (3,)),
        (C.less_than(-1.0), (3,)), (C.unit_interval, (3,)), (C.interval(-1.0, 2.0), (3,)),
        (C.half_open_interval(1.0, 2.0), (3,)), (C.simplex, (2, 3)), (C.corr_cholesky, (2, 3)),
        (C.real_vector, (2, 3)), (C.independent(C.positive, 1), (2, 3)),
        (C.stack([C.positive, C.unit_interval], dim=0), (2, 3)), (C.cat([C.positive, C.real], 0, [2, 1]), (3,)),
    ],
)  # fmt: skip
def test_transforms_of_constraints(registry, constraint, shape):
    transform = registry(constraint)
    y = transform(real(*shape))
    assert bool(constraint.check(y).all())
    np.testing.assert_allclose(array(transform(transform.inv(y))), array(y), rtol=1e-9)


@pytest.mark.parametrize("constraint", [C.lower_cholesky, C.positive_definite, C.positive_semidefinite])
def test_matrices(constraint):
    transform = D.transform_to(constraint)
    y = transform(real(2, 3, 3))
    assert bool(constraint.check(y).all())
    np.testing.assert_allclose(array(transform(transform.inv(y))), array(y), rtol=1e-9)
    with pytest.raises(NotImplementedError, match="Cannot transform"):
        D.biject_to(constraint)


CHECKS = [
    (C.boolean, [0.0, 1.0, 0.5], [True, True, False]),
    (C.integer_interval(1, 3), [0.0, 1.0, 2.5, 3.0], [False, True, False, True]),
    (C.nonnegative_integer, [-1.0, 0.0, 0.5], [False, True, False]),
    (C.positive_integer, [0.0, 1.0], [False, True]),
    (C.greater_than(1.0), [1.0, 2.0], [False, True]),
    (C.greater_than_eq(1.0), [0.5, 1.0], [False, True]),
    (C.less_than(1.0), [0.5, 1.0], [True, False]),
    (C.interval(0.0, 1.0), [0.0, 1.0, 1.5], [True, True, False]),
    (C.half_open_interval(0.0, 1.0), [0.0, 1.0], [True, False]),
    (C.real, [1.0, float("nan"), float("inf")], [True, False, True]),
    (C.simplex, [[0.5, 0.5], [0.5, 0.6], [1.5, -0.5]], [True, False, False]),
    (C.one_hot, [[0.0, 1.0], [1.0, 1.0], [0.5, 0.5]], [True, False, False]),
    (C.multinomial(3), [[1.0, 2.0], [2.0, 2.0], [-1.0, 2.0]], [True, False, False]),
    (C.lower_triangular, [[[1.0, 0.0], [2.0, 3.0]], [[1.0, 1.0], [0.0, 1.0]]], [True, False]),
    (C.lower_cholesky, [[[1.0, 0.0], [2.0, 3.0]], [[1.0, 0.0], [2.0, -3.0]]], [True, False]),
    (C.corr_cholesky, [[[1.0, 0.0], [0.6, 0.8]], [[1.0, 0.0], [0.6, 0.7]]], [True, False]),
    (C.symmetric, [[[1.0, 2.0], [2.0, 3.0]], [[1.0, 1.0], [0.0, 1.0]]], [True, False]),
    (C.square, [[[1.0, 2.0], [2.0, 3.0]]], [True]),
    (C.positive_definite, [[[2.0, 1.0], [1.0, 2.0]], [[1.0, 2.0], [2.0, 1.0]]], [True, False]),
    (C.positive_semidefinite, [[[2.0, 1.0], [1.0, 2.0]], [[1.0, 2.0], [2.0, 1.0]]], [True, False]),
    (C.independent(C.positive, 1), [[1.0, 2.0], [1.0, -2.0]], [True, False]),
]


@pytest.mark.filterwarnings("ignore:.*through LAPACK on the host")
@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize(("constraint", "values", "wanted"), CHECKS, ids=lambda v: repr(v)[:30])
def test_checks(constraint, values, wanted, device):
    assert constraint.check(torch.tensor(values, device=device)).tolist() == wanted


def test_cache():
    transform = T.ExpTransform(cache_size=1)
    x = torch.ones(2)
    y = transform(x)
    assert transform(x) is y and transform.inv(y) is x
    assert T.ExpTransform()(x) is not T.ExpTransform()(x)
    assert transform.with_cache(1) is transform and transform.with_cache(0) == transform
    composed = T.ComposeTransform([T.ExpTransform(), T.SigmoidTransform()]).with_cache()
    y = composed(x)
    assert composed.inv(y) is x


def test_equal():
    assert T.ExpTransform() == T.ExpTransform() != T.TanhTransform()
    assert (
        T.AffineTransform(0.0, 1.0) == T.AffineTransform(torch.zeros(()), 1.0) != T.AffineTransform(0.0, 2.0)
    )
    assert T.PowerTransform(2.0) == T.PowerTransform(2.0) != T.PowerTransform(3.0)
    assert T.ExpTransform().inv == T.ExpTransform().inv


def test_shapes_that_do_not_fit():
    with pytest.raises(ValueError, match="different numbers of elements"):
        T.ReshapeTransform((2,), (3,))
    with pytest.raises(ValueError, match="lower-diagonal"):
        T.CorrCholeskyTransform().forward_shape((2,))
    with pytest.raises(ValueError, match="Too few dimensions"):
        T.IndependentTransform(T.ExpTransform(), 1)(torch.tensor(1.0))
    with pytest.raises(ValueError, match="cannot be expressed"):
        D.utils.vec_to_tril_matrix(torch.zeros(2))


@pytest.mark.parametrize("diag", [-2, -1, 0, 1, 2])
def test_triangles(diag):
    x = real(2, 4, 4)
    vector = D.utils.tril_matrix_to_vec(x, diag)
    rows, columns = np.tril_indices(4, diag)
    np.testing.assert_array_equal(array(vector), array(x)[:, rows, columns])
    np.testing.assert_array_equal(array(D.utils.vec_to_tril_matrix(vector, diag)), np.tril(array(x), diag))

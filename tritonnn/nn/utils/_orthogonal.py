"""The parametrization of orthogonal matrices (Lezcano Casado 2019, arXiv:1909.09501), and the three maps behind it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.autograd.function import Function
from tritonnn.dtypes import finfo
from tritonnn.nn.module import Module
from tritonnn.ops.creation.creation import eye
from tritonnn.ops.joining.joining import cat
from tritonnn.ops.linalg.decomposition import qr
from tritonnn.ops.random.random import randn
from tritonnn.recording.grad_mode import no_grad


class _Inverse(Function):
    """The inverse of matrices by Newton's iteration X ← X (2 - M X) (Schulz 1933): products alone, on every device."""

    @staticmethod
    def forward(ctx: Any, matrix: Tensor) -> Any:
        size = matrix.shape[-1]
        one = eye(size, dtype=matrix.dtype, device=matrix.device)
        # σ² / ‖M‖² of all singular values lies in (0, 1], from where the iteration converges.
        x = matrix.mH / (matrix * matrix.conj()).real.sum((-2, -1), keepdim=True)
        before = math.inf
        for _ in range(100):
            residual = one - matrix @ x
            error = float(residual.abs().max()) if size else 0.0
            if (
                error < 0.1 and error >= before
            ):  # it is squared each time, until only rounding errors are left
                break
            before, x = error, x + x @ residual
        ctx.save_for_backward(x)
        return x

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        (x,) = ctx.saved_tensors
        return -(x.mH @ grad @ x.mH)


def inverse(matrix: Tensor) -> Any:
    """The inverse of a matrix or of a batch of them; it must have one."""
    return _Inverse.apply(matrix)


def matrix_exp(matrix: Tensor) -> Any:
    """exp(M) by its series after halving M until its norm is at most 1, and squaring as often (Moler 2003)."""
    norm = float(matrix.detach().abs().sum(-1).max()) if matrix.numel() else 0.0
    halvings = max(0, math.ceil(math.log2(norm))) if norm > 0 else 0
    scaled = matrix / 2**halvings
    one = eye(matrix.shape[-1], dtype=matrix.dtype, device=matrix.device)
    result = one
    for k in range(18, 0, -1):  # 1/19! is below the rounding of float64
        result = one + scaled @ result / k
    for _ in range(halvings):
        result = result @ result
    return result


def cayley(skew: Tensor) -> Any:
    """(1 - A/2)⁻¹ (1 + A/2), orthogonal for a skew-symmetric A."""
    one = eye(skew.shape[-1], dtype=skew.dtype, device=skew.device)
    return inverse(one - skew / 2) @ (one + skew / 2)


def reflections(below: Tensor) -> Any:
    """The first columns of H₁ H₂ ..., Hᵢ the reflection along column i of `below` with 1 on the diagonal.

    H₁ H₂ ... = 1 - V T Vᵀ, where T⁻¹ is the upper triangle of VᵀV with half its diagonal (Joffrain et al. 2006).
    """
    rows, columns = below.shape[-2:]
    v = below + eye(rows, columns, dtype=below.dtype, device=below.device)
    products = v.mT @ v
    factor = inverse(products.triu() - 0.5 * products.triu().tril())
    one = eye(rows, columns, dtype=below.dtype, device=below.device)
    return one - v @ (factor @ v[..., :columns, :].mT)


def reflectors(matrix: Tensor) -> Any:
    """Columns below the diagonal whose `reflections` are the Q of `matrix` = QR, and on the diagonal the signs that
    R's has then; as LAPACK's geqrf gives them, which leaves out reflections that have nothing to do.
    """
    with no_grad():
        a = matrix.detach().clone()
        columns = a.shape[-1]
        for k in range(columns):
            head = a[..., k, k].clone()
            rest = a[..., k + 1 :, k].clone()
            none = (rest == 0).all(-1)
            length = (head * head + (rest * rest).sum(-1)).sqrt()
            diagonal = head.where(none, -length.copysign(head))
            v = rest / (head - diagonal).where(~none, diagonal.new_ones(())).unsqueeze(-1)
            tau = (2 / (1 + (v * v).sum(-1))).where(~none, diagonal.new_zeros(()))
            row, block = a[..., k, k + 1 :].clone(), a[..., k + 1 :, k + 1 :].clone()
            along = tau.unsqueeze(-1) * (row + (v.unsqueeze(-2) @ block).squeeze(-2))
            a[..., k, k + 1 :] = row - along
            a[..., k + 1 :, k + 1 :] = block - v.unsqueeze(-1) * along.unsqueeze(-2)
            a[..., k + 1 :, k] = v
            # `reflections` takes no reflection for one that turns the sign.
            a[..., k, k] = diagonal.sign() * (1 - 2 * none.to(a.dtype))
    return a


def orthogonalized(matrix: Tensor) -> Any:
    """The Q of `matrix` = QR with a positive diagonal of R."""
    q, r = qr(matrix)
    return q * r.diagonal(dim1=-2, dim2=-1).sgn().unsqueeze(-2)


def is_orthogonal(matrix: Tensor) -> bool:
    """Whether the columns are orthonormal, up to rounding."""
    rows, columns = matrix.shape[-2:]
    one = eye(columns, dtype=matrix.dtype, device=matrix.device)
    return bool(
        ((matrix.mH @ matrix - one).abs() <= 10 * rows * finfo(matrix.dtype).eps + 1e-5 * one.abs()).all()
    )


def _of_skew(function: Callable[[Tensor], Any], x: Tensor) -> Any:
    """The first columns of a function of the skew-symmetric matrix that has the lower triangle `x`."""
    rows, columns = x.shape[-2:]
    x = x.tril()
    if rows != columns:
        x = cat([x, x.new_zeros((*x.shape[:-1], rows - columns))], dim=-1)
    return function(x - x.mH)[..., :columns]


def _householder(x: Tensor) -> Any:
    # The diagonal, of 1 and -1, is not trained.
    signs = x.detach().diagonal(dim1=-2, dim2=-1).trunc()
    return reflections(x.tril(-1)) * signs.unsqueeze(-2)


MAPS: dict[str, Any] = {
    "matrix_exp": lambda x: _of_skew(matrix_exp, x),
    "cayley": lambda x: _of_skew(cayley, x),
    "householder": _householder,
}


class Orthogonal(Module):
    """Any matrix to one with orthonormal columns, or where it has more columns than rows, with orthonormal rows."""

    base: Tensor | None

    def __init__(self, weight: Tensor, orthogonal_map: str, use_trivialization: bool) -> None:
        super().__init__()
        if weight.is_complex() and orthogonal_map == "householder":
            raise ValueError("The householder parametrization does not support complex tensors.")
        self.shape = weight.shape
        self.orthogonal_map = orthogonal_map
        if use_trivialization:
            self.register_buffer("base", None)

    def _get_name(self) -> str:
        return "_Orthogonal"

    def forward(self, x: Tensor) -> Any:
        transposed = x.shape[-2] < x.shape[-1]
        q = MAPS[self.orthogonal_map](x.mT if transposed else x)
        if hasattr(self, "base"):
            q = self.base @ q
        return q.mT if transposed else q

    def right_inverse(self, value: Tensor) -> Any:
        if value.shape != self.shape:
            raise ValueError(
                f"Expected a matrix or batch of matrices of shape {self.shape}. Got a tensor of shape {value.shape}."
            )
        transposed = value.shape[-2] < value.shape[-1]
        q = value.mT if transposed else value
        if hasattr(self, "base"):
            self.base = self._completed(q.detach())
            # Every map takes the negative of the identity to the identity.
            negative = value.new_zeros(value.shape)
            negative.diagonal(dim1=-2, dim2=-1).fill_(-1)
            return negative
        if self.orthogonal_map != "householder":
            raise NotImplementedError(
                "It is not possible to assign to the matrix exponential or the Cayley parametrizations when "
                "use_trivialization=False."
            )
        result = reflectors(q)
        return result.mT if transposed else result

    def _completed(self, q: Tensor) -> Any:
        """A square orthogonal matrix that begins with `q`'s columns, made orthonormal where they are not."""
        rows, columns = q.shape[-2:]
        if rows == columns:
            return q.clone() if is_orthogonal(q) else orthogonalized(q)
        more = randn((*q.shape[:-1], rows - columns), dtype=q.dtype, device=q.device)
        return orthogonalized(cat([q, more], dim=-1))

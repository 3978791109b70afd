"""Parametrizations that come with the library: orthogonal, weight-normalised and spectrally normalised tensors."""

from __future__ import annotations

from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.nn import functional as F
from tritonnn.nn.module import Module
from tritonnn.nn.modules.conv import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from tritonnn.nn.utils import _power_iteration as power
from tritonnn.nn.utils._orthogonal import MAPS, Orthogonal
from tritonnn.nn.utils.parametrize import register_parametrization
from tritonnn.nn.utils.weight_norm import norm_except_dim, normalized

__all__ = ["orthogonal", "spectral_norm", "weight_norm"]


def _tensor(module: Module, name: str) -> Any:
    tensor = getattr(module, name, None)
    if not isinstance(tensor, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    return tensor


def orthogonal(
    module: Module,
    name: str = "weight",
    orthogonal_map: str | None = None,
    *,
    use_trivialization: bool = True,
) -> Any:
    """Let a tensor be orthogonal (its columns, or where there are more of them its rows, orthonormal).

    Args:
        module: whose tensor it is; changed and returned.
        name: of the tensor, a matrix or a batch of them.
        orthogonal_map: from any matrix to an orthogonal one: 'matrix_exp' or 'cayley', of a skew-symmetric matrix,
            or 'householder', a product of reflections. Default: 'matrix_exp' for square and complex matrices,
            else 'householder'.
        use_trivialization: multiply by a matrix kept as buffer `base`, so that any value can be assigned.

    Raises:
        ValueError: there is no such tensor, it is no matrix, or the map's name is another or takes no complex one.

    >>> import tritonnn as torch
    >>> layer = torch.nn.utils.parametrizations.orthogonal(torch.nn.Linear(4, 3))
    >>> torch.allclose(layer.weight @ layer.weight.mT, torch.eye(3), atol=1e-5)
    True
    """
    weight = _tensor(module, name)
    if weight.ndim < 2:
        raise ValueError(f"Expected a matrix or batch of matrices. Got a tensor of {weight.ndim} dimensions.")
    if orthogonal_map is None:
        square = weight.shape[-2] == weight.shape[-1]
        orthogonal_map = "matrix_exp" if square or weight.is_complex() else "householder"
    if orthogonal_map not in MAPS:
        raise ValueError(
            'orthogonal_map has to be one of "matrix_exp", "cayley", "householder". Got: '
            + str(orthogonal_map)
        )
    # Unsafe, as a map without a base has no inverse.
    return register_parametrization(
        module, name, Orthogonal(weight, orthogonal_map, use_trivialization), unsafe=True
    )


class _WeightNorm(Module):
    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g: Tensor, weight_v: Tensor) -> Any:
        return normalized(weight_v, weight_g, self.dim)

    def right_inverse(self, weight: Tensor) -> tuple[Any, Any]:
        return norm_except_dim(weight, 2, self.dim), weight


class _OldNames:
    """A hook on loading, that takes the names of the older weight norm."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, state_dict: dict[str, Any], prefix: str, *rest: object) -> None:
        old = [f"{prefix}{self.name}_{part}" for part in "gv"]
        if all(key in state_dict for key in old):
            for i, key in enumerate(old):
                state_dict[f"{prefix}parametrizations.{self.name}.original{i}"] = state_dict.pop(key)


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Any:
    """Keep a tensor as length `original0` times direction `original1` / ‖`original1`‖ (arXiv:1602.07868).

    States of the older `torch.nn.utils.weight_norm` can be loaded.

    Args:
        module: whose tensor it is; changed and returned.
        name: of the tensor.
        dim: along which every slice has a length of its own; None: one length.

    >>> import tritonnn as torch
    >>> list(torch.nn.utils.parametrizations.weight_norm(torch.nn.Linear(3, 2, bias=False)).state_dict())
    ['parametrizations.weight.original0', 'parametrizations.weight.original1']
    """
    register_parametrization(module, name, _WeightNorm(dim), unsafe=True)
    module._register_load_state_dict_pre_hook(_OldNames(name))
    return module


class _SpectralNorm(Module):
    """w / σ(w), the largest singular value estimated by power iteration; vectors are divided by their norm."""

    def __init__(self, weight: Tensor, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12) -> None:
        super().__init__()
        if not -weight.ndim <= dim < weight.ndim:
            raise IndexError(
                f"Dimension out of range (expected to be in range of [-{weight.ndim}, {weight.ndim - 1}] "
                f"but got {dim})"
            )
        if n_power_iterations <= 0:
            raise ValueError(
                f"Expected n_power_iterations to be positive, but got n_power_iterations={n_power_iterations}"
            )
        self.dim = dim if dim >= 0 else dim + weight.ndim
        self.eps = eps
        if weight.ndim > 1:
            self.n_power_iterations = n_power_iterations
            matrix = power.as_matrix(weight.detach(), self.dim)
            u, v = power.start(matrix, eps)
            power.iterate(matrix, u, v, 15, eps, rows_first=True)
            self.register_buffer("_u", u)
            self.register_buffer("_v", v)

    def forward(self, weight: Tensor) -> Any:
        if weight.ndim == 1:
            return F.normalize(weight, dim=0, eps=self.eps)
        matrix = power.as_matrix(weight, self.dim)
        if self.training:
            power.iterate(matrix, self._u, self._v, self.n_power_iterations, self.eps, rows_first=True)
        return weight / power.largest(matrix, self._u, self._v)

    def right_inverse(self, value: Tensor) -> Tensor:
        # Not quite one: dividing again changes little, and the norm is not known.
        return value


def spectral_norm(
    module: Module,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> Any:
    """Divide a tensor by its largest singular value, estimated by power iteration (arXiv:1802.05957).

    Args:
        module: whose tensor it is; changed and returned.
        name: of the tensor; a vector is divided by its norm.
        n_power_iterations: whenever it is computed in training; 15 at the start.
        eps: least norm that vectors are divided by.
        dim: the dimension of the output channels; default 1 for transposed convolutions, else 0.

    >>> import tritonnn as torch
    >>> layer = torch.nn.utils.parametrizations.spectral_norm(torch.nn.Linear(3, 2, bias=False))
    >>> [name.removeprefix("parametrizations.weight.") for name in layer.state_dict()]
    ['original', '0._u', '0._v']
    """
    weight = _tensor(module, name)
    if dim is None:
        dim = int(isinstance(module, (ConvTranspose1d, ConvTranspose2d, ConvTranspose3d)))
    return register_parametrization(module, name, _SpectralNorm(weight, n_power_iterations, dim, eps))

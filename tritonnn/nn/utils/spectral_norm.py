"""Spectral normalisation by hooks: a weight divided by its largest singular value (arXiv:1802.05957)."""

from __future__ import annotations

from typing import Any

from tritonnn._parameter import Parameter, UninitializedParameter
from tritonnn._tensor import Tensor
from tritonnn.dtypes import float64
from tritonnn.nn.module import Module
from tritonnn.nn.modules.conv import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from tritonnn.nn.utils import _power_iteration as power
from tritonnn.recording.grad_mode import no_grad

__all__ = [
    "SpectralNorm", "SpectralNormLoadStateDictPreHook", "SpectralNormStateDictHook", "remove_spectral_norm",
    "spectral_norm",
]  # fmt: skip


class SpectralNorm:
    """The hook that divides a weight by its largest singular value, estimated anew in training, before each forward.

    Args:
        name: of the weight; it is kept as the parameter `NAME_orig` with the buffers `NAME_u` and `NAME_v`.
        n_power_iterations: at each forward in training.
        dim: which dimension of the weight are the rows of the matrix.
        eps: least norm that vectors are divided by.
    """

    _version = 1

    def __init__(
        self, name: str = "weight", n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12
    ) -> None:
        if n_power_iterations <= 0:
            raise ValueError(
                f"Expected n_power_iterations to be positive, but got n_power_iterations={n_power_iterations}"
            )
        self.name = name
        self.dim = dim
        self.n_power_iterations = n_power_iterations
        self.eps = eps

    def reshape_weight_to_matrix(self, weight: Tensor) -> Any:
        """The weight as a matrix with a row for each index along `dim`."""
        return power.as_matrix(weight, self.dim)

    def compute_weight(self, module: Module, do_power_iteration: bool) -> Any:
        """The weight over its largest singular value; with iterations the module's vectors change in place."""
        weight, u, v = (getattr(module, f"{self.name}_{part}") for part in ("orig", "u", "v"))
        matrix = self.reshape_weight_to_matrix(weight)
        if do_power_iteration:
            power.iterate(matrix, u, v, self.n_power_iterations, self.eps)
        return weight / power.largest(matrix, u, v)

    def __call__(self, module: Module, inputs: object) -> None:
        setattr(module, self.name, self.compute_weight(module, do_power_iteration=module.training))

    @staticmethod
    def apply(module: Module, name: str, n_power_iterations: int, dim: int, eps: float) -> SpectralNorm:
        """Put the hook on the weight `name` of `module`."""
        if _find(module._forward_pre_hooks, SpectralNorm, name) is not None:
            raise RuntimeError(f"Cannot register two spectral_norm hooks on the same parameter {name}")
        hook = SpectralNorm(name, n_power_iterations, dim, eps)
        weight = module._parameters[name]
        if weight is None:
            raise ValueError(f"`SpectralNorm` cannot be applied as parameter `{name}` is None")
        if isinstance(weight, UninitializedParameter):
            raise ValueError(
                "The module passed to `SpectralNorm` can't have uninitialized parameters. "
                "Make sure to run the dummy forward before applying spectral normalization"
            )
        u, v = power.start(hook.reshape_weight_to_matrix(weight.detach()), eps)
        delattr(module, name)
        module.register_parameter(f"{name}_orig", weight)
        # A plain attribute, as loss functions may ask for it before the first forward.
        setattr(module, name, weight.data)
        module.register_buffer(f"{name}_u", u)
        module.register_buffer(f"{name}_v", v)
        module.register_forward_pre_hook(hook)
        module._register_state_dict_hook(SpectralNormStateDictHook(hook))
        module._register_load_state_dict_pre_hook(SpectralNormLoadStateDictPreHook(hook))
        return hook

    def remove(self, module: Module) -> None:
        """Make the weight a parameter again."""
        with no_grad():
            weight = self.compute_weight(module, do_power_iteration=False)
        for name in (self.name, f"{self.name}_u", f"{self.name}_v", f"{self.name}_orig"):
            delattr(module, name)
        module.register_parameter(self.name, Parameter(weight.detach()))

    def _solve_v_and_rescale(self, weight_mat: Tensor, u: Tensor, target_sigma: Tensor) -> Any:
        """The shortest v for which W v is nearest to u, scaled so that uᵀ W v is `target_sigma`.

        By conjugate gradients on the least-squares problem (Hestenes and Stiefel 1952), in float64.
        """
        matrix: Any = weight_mat.detach().to(float64)
        goal: Any = u.detach().to(float64)
        v = matrix.new_zeros(matrix.shape[1])
        residual = goal.clone()
        gradient = matrix.t().mv(residual)
        direction, square = gradient.clone(), gradient.dot(gradient)
        least = square * 1e-28
        for _ in range(2 * min(matrix.shape)):
            if not bool(square > least):
                break
            image = matrix.mv(direction)
            step = square / image.dot(image)
            v = v + step * direction
            residual = residual - step * image
            gradient = matrix.t().mv(residual)
            square, before = gradient.dot(gradient), square
            direction = gradient + (square / before) * direction
        v = v * (target_sigma / goal.dot(matrix.mv(v)))
        return v.to(weight_mat.dtype)


class SpectralNormLoadStateDictPreHook:
    """Completes states of before version 1, which have the divided weight and no `NAME_v`."""

    def __init__(self, fn: SpectralNorm) -> None:
        self.fn = fn

    def __call__(
        self, state_dict: dict[str, Any], prefix: str, local_metadata: dict[str, Any], strict: bool,
        missing_keys: list[str], unexpected_keys: list[str], error_msgs: list[str],
    ) -> None:  # fmt: skip
        name = self.fn.name
        version = local_metadata.get("spectral_norm", {}).get(f"{name}.version")
        if version is not None and version >= 1:
            return
        key = prefix + name
        parts = [f"{key}_orig", key, f"{key}_u"]
        present = [part for part in (*parts, f"{key}_v") if part in state_dict]
        if version is None and present == [parts[0], parts[2], f"{key}_v"]:
            return  # of the present form, without metadata
        absent = [part for part in parts if part not in state_dict]
        if absent:
            missing_keys += absent if strict else []
            return
        with no_grad():
            original, divided = state_dict[f"{key}_orig"], state_dict.pop(key)
            sigma = (original / divided).mean()
            matrix = self.fn.reshape_weight_to_matrix(original)
            state_dict[f"{key}_v"] = self.fn._solve_v_and_rescale(matrix, state_dict[f"{key}_u"], sigma)


class SpectralNormStateDictHook:
    """Notes the version of the hook in the state's metadata."""

    def __init__(self, fn: SpectralNorm) -> None:
        self.fn = fn

    def __call__(
        self, module: Module, state_dict: dict[str, Any], prefix: str, local_metadata: dict[str, Any]
    ) -> None:
        versions = local_metadata.setdefault("spectral_norm", {})
        key = f"{self.fn.name}.version"
        if key in versions:
            raise RuntimeError(f"Unexpected key in metadata['spectral_norm']: {key}")
        versions[key] = self.fn._version


def spectral_norm(
    module: Module,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> Any:
    """Divide a weight by its largest singular value before each forward; `parametrizations` has the newer form.

    Args:
        module: whose weight it is; changed and returned.
        name: of the weight.
        n_power_iterations: by which the value is estimated, at each forward in training.
        eps: least norm that vectors are divided by.
        dim: the dimension of the output channels; default 1 for transposed convolutions, else 0.

    Raises:
        RuntimeError: the weight has such a hook already. ValueError: it is None or not initialised yet.
    """
    if dim is None:
        dim = int(isinstance(module, (ConvTranspose1d, ConvTranspose2d, ConvTranspose3d)))
    SpectralNorm.apply(module, name, n_power_iterations, dim, eps)
    return module


def remove_spectral_norm(module: Module, name: str = "weight") -> Any:
    """Undo `spectral_norm`: the weight is a parameter again, of the divided value. ValueError where there is none."""
    key = _find(module._forward_pre_hooks, SpectralNorm, name)
    if key is None:
        raise ValueError(f"spectral_norm of '{name}' not found in {module}")
    hook: Any = module._forward_pre_hooks.pop(key)
    hook.remove(module)
    for hooks, kind in (
        (module._state_dict_hooks, SpectralNormStateDictHook),
        (module._load_state_dict_pre_hooks, SpectralNormLoadStateDictPreHook),
    ):
        key = _find(hooks, kind, name)
        if key is not None:
            del hooks[key]
    return module


def _find(hooks: dict[int, Any], kind: type, name: str) -> int | None:
    """The key of the hook of a class that is on the weight `name`."""
    for key, hook in hooks.items():
        if isinstance(hook, kind) and _name(hook) == name:
            return key
    return None


def _name(hook: Any) -> Any:
    return getattr(hook, "fn", hook).name

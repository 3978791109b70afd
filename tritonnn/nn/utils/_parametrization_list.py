"""What a parametrized tensor is computed from, and the checks that it keeps its shape and dtype."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tritonnn._parameter import Parameter
from tritonnn._tensor import Tensor
from tritonnn.dtypes import dtype as DType
from tritonnn.nn.module import Module
from tritonnn.nn.modules.container import ModuleList
from tritonnn.recording.grad_mode import no_grad
from tritonnn.shape import Size


def register(module: Module, name: str, tensor: Tensor) -> None:
    """Register a parameter or, where it is a plain tensor, a buffer."""
    if isinstance(tensor, Parameter):
        module.register_parameter(name, tensor)
    else:
        module.register_buffer(name, tensor)


def _inverted(parametrization: object, value: Tensor) -> Any:
    """What `parametrization` computes `value` from; the value itself where it does not say."""
    if not hasattr(parametrization, "right_inverse"):
        return value
    try:
        return parametrization.right_inverse(value)
    except NotImplementedError:
        return value


class ParametrizationList(ModuleList):
    """The parametrizations of one tensor, called in order, over the tensor `original` or `original0`, `original1`, ...

    Args:
        modules: at least one parametrization; the first may take several tensors.
        original: the tensor to parametrize; it is kept as `original`, with the value that the inverses give.
        unsafe: leave out the checks that shape and dtype stay what they are.

    Attributes:
        is_tensor: whether there is one `original`.
        ntensors: the number of originals.
    """

    original: Any
    original0: Any
    original1: Any
    unsafe: bool

    def __init__(self, modules: Sequence[Module], original: Tensor, unsafe: bool = False) -> None:
        if len(modules) == 0:
            raise ValueError("ParametrizationList requires one or more modules.")
        super().__init__(modules)
        self.unsafe = unsafe
        shape, dtype = original.shape, original.dtype
        with no_grad():
            value: Any = original
            for module in reversed(list(self)):
                value = _inverted(module, value)
        if not isinstance(value, (Tensor, Sequence)):
            raise ValueError(
                "'right_inverse' must return a Tensor or a Sequence of tensors (list, tuple...). Got "
                f"{type(value).__name__}"
            )
        self.is_tensor = isinstance(value, Tensor)
        self.ntensors = 1 if isinstance(value, Tensor) else len(value)
        if isinstance(value, Tensor):
            self._keep_one(original, value)
        else:
            self._keep_several(original, value)
        if not unsafe:
            self._check(shape, dtype)

    def _keep_one(self, original: Tensor, value: Tensor) -> None:
        if original.dtype != value.dtype:
            raise ValueError(
                "When `right_inverse` outputs one tensor, it may not change the dtype.\n"
                f"original.dtype: {original.dtype}\nright_inverse(original).dtype: {value.dtype}"
            )
        if original.device != value.device:
            raise ValueError(
                "When `right_inverse` outputs one tensor, it may not change the device.\n"
                f"original.device: {original.device}\nright_inverse(original).device: {value.device}"
            )
        if value is not original:
            original.data = value.detach()  # the same object, so that an optimizer keeps it
        register(self, "original", original)

    def _keep_several(self, original: Tensor, values: Sequence[object]) -> None:
        for i, value in enumerate(values):
            if not isinstance(value, Tensor):
                raise ValueError(
                    "'right_inverse' must return a Tensor or a Sequence of tensors (list, tuple...). "
                    f"Got element {i} of the sequence with type {type(value).__name__}."
                )
            if isinstance(original, Parameter):
                value = Parameter(value, original.requires_grad)
            value.requires_grad_(original.requires_grad)
            register(self, f"original{i}", value)

    def _check(self, shape: Size, dtype: DType) -> None:
        value = self()
        if not isinstance(value, Tensor):
            raise ValueError(f"A parametrization must return a tensor. Got {type(value).__name__}.")
        for what, before, after in (("dtype", dtype, value.dtype), ("shape", shape, value.shape)):
            if before != after:
                raise ValueError(
                    f"Registering a parametrization may not change the {what} of the tensor, unless `unsafe` flag "
                    f"is enabled.\nunparametrized {what}: {before}\nparametrized {what}: {after}"
                )

    @property
    def original_names(self) -> list[str]:
        """The attributes that hold what is computed from."""
        return ["original"] if self.is_tensor else [f"original{i}" for i in range(self.ntensors)]

    def right_inverse(self, value: Tensor) -> None:
        """Give the originals the values from which `value` is computed.

        Raises:
            RuntimeError: a parametrization has no `right_inverse`. ValueError: it gives something else than it did.
        """
        result: Any = value
        with no_grad():
            for module in reversed(list(self)):
                if not hasattr(module, "right_inverse"):
                    raise RuntimeError(
                        f"parametrization {type(module).__name__} does not implement right_inverse."
                    )
                result = module.right_inverse(result)
            if self.is_tensor:
                if not isinstance(result, Tensor):
                    raise ValueError(f"`right_inverse` should return a tensor. Got {type(result).__name__}")
                _assign(self.original, result, "The tensor returned by `right_inverse`", "`original`")
                return
            if not isinstance(result, Sequence):
                raise ValueError(
                    f"'right_inverse' must return a sequence of tensors. Got {type(result).__name__}."
                )
            if len(result) != self.ntensors:
                raise ValueError(
                    f"'right_inverse' must return a sequence of tensors of length {self.ntensors}. Got a sequence "
                    f"of length {len(result)}."
                )
            for i, (name, tensor) in enumerate(zip(self.original_names, result)):
                if not isinstance(tensor, Tensor):
                    raise ValueError(
                        "'right_inverse' must return a sequence of tensors or reference-type opaques. "
                        f"Got element {i} of type {type(tensor).__name__}."
                    )
                _assign(getattr(self, name), tensor, f"Tensor {i} returned by `right_inverse`", f"`{name}`")

    def forward(self) -> Any:
        """The tensor: the first parametrization of the originals, then the others in turn."""
        first, *others = self
        value = first(*[getattr(self, name) for name in self.original_names])
        for module in others:
            value = module(value)
        return value


def _assign(original: Tensor, value: Tensor, what: str, name: str) -> None:
    if value.dtype != original.dtype:
        raise ValueError(f"{what} has dtype {value.dtype} while {name} has dtype {original.dtype}")
    original.data = value.detach()


def check_appended(module: Module, name: str, parametrization: Module) -> None:
    """That one more parametrization of a tensor leaves its shape and dtype, forwards and backwards."""
    before = getattr(module, name)
    after = parametrization(before)
    if not isinstance(after, Tensor):
        raise ValueError(f"A parametrization must return a tensor. Got {type(after).__name__}.")
    for what in ("dtype", "shape"):
        if getattr(before, what) != getattr(after, what):
            raise ValueError(
                f"Registering a parametrization may not change the {what} of the tensor, unless the `unsafe` flag "
                f"is enabled.\nmodule.{name}.{what}: {getattr(before, what)}\n"
                f"parametrization(module.{name}).{what}: {getattr(after, what)}"
            )
    if not hasattr(parametrization, "right_inverse"):
        return
    try:
        back = parametrization.right_inverse(after)
    except NotImplementedError:
        return
    if not isinstance(back, Tensor):
        raise ValueError(f"parametrization.right_inverse must return a tensor. Got: {type(back).__name__}")
    for what in ("dtype", "shape"):
        if getattr(before, what) != getattr(back, what):
            raise ValueError(
                f"The tensor returned by parametrization.right_inverse must have the same {what} as "
                f"module.{name}, unless the `unsafe` flag is enabled.\n"
                f"module.{name}.{what}: {getattr(before, what)}\nreturned {what}: {getattr(back, what)}"
            )

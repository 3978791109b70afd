"""Which kernel computes a functional for an input of which class.

A functional such as `resize` is a signature and a dictionary: class of the input -> kernel. A kernel computes with
plain tensors or pictures of Pillow's; `kernel_of` puts it into the dictionary, for subclasses of TVTensor behind an
adapter that hands it what the tensor says of itself, and wraps the result.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from typing import Any, TypeVar

from tritonnn._tensor import Tensor
from tritonnn.vision import tv_tensors
from tritonnn.vision._pillow import is_image
from tritonnn.vision._types import Picture
from tritonnn.vision.transforms import _functional_pil

F = TypeVar("F", bound=Callable)
T = TypeVar("T")

_FillType = int | float | Sequence[int] | Sequence[float] | None

#: the class of Pillow's pictures, by its name: Pillow is not imported for it
PICTURE = "PIL.Image.Image"
#: functional -> class of the input, or its name -> kernel
_KERNEL_REGISTRY: dict[Callable, dict[type | str, Callable]] = {}
_BUILTIN_DATAPOINT_TYPES = frozenset((
    tv_tensors.TVTensor, tv_tensors.Image, tv_tensors.Video, tv_tensors.Mask, tv_tensors.BoundingBoxes,
    tv_tensors.KeyPoints,
))  # fmt: skip


def is_pure_tensor(inpt: object) -> bool:
    """Whether it is a tensor that does not say what it is.

    >>> import tritonnn as torch
    >>> from tritonnn.vision.transforms.v2 import functional as F
    >>> F.is_pure_tensor(torch.ones(2)), F.is_pure_tensor(torch.vision.tv_tensors.Mask([1]))
    (True, False)
    """
    return isinstance(inpt, Tensor) and not isinstance(inpt, tv_tensors.TVTensor)


def functional(declared: F) -> F:
    """The function that has the declared signature and is computed by the kernel of its first argument's class."""
    signature = inspect.signature(declared)
    first = next(iter(signature.parameters))

    @wraps(declared)
    def call(*args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        inpt = bound.arguments.pop(first)
        return _get_kernel(call, type(inpt))(inpt, **bound.arguments)

    _KERNEL_REGISTRY[call] = {}
    return call  # type: ignore[return-value]


def _get_kernel(functional: Callable, input_type: type, *, allow_passthrough: bool = False) -> Callable:
    """The kernel for inputs of a class or, where it has none, the one that returns them as they are.

    Raises ValueError for what is no functional, and TypeError where there is no kernel and nothing may pass through.
    """
    registry = _KERNEL_REGISTRY.get(functional)
    if not registry:
        raise ValueError(f"No kernel registered for functional {functional.__name__}.")
    for cls in input_type.__mro__:
        kernel = registry.get(cls) or registry.get(f"{cls.__module__}.{cls.__qualname__}")
        if kernel is not None:
            return kernel
        if cls is tv_tensors.TVTensor:  # what users derive from it are no pictures
            break
    if allow_passthrough:
        return _unchanged
    known = [kind if isinstance(kind, str) else kind.__name__ for kind in registry]
    raise TypeError(
        f"Functional F.{functional.__name__} supports inputs of type {', '.join(known)}, but got {input_type} instead."
    )


def _unchanged(inpt: T, *args: object, **kwargs: object) -> T:
    return inpt


# ---- kernels ------------------------------------------------------------------------------------------------


def kernel_of(functional: Callable, *classes: type | str) -> Callable[[F], F]:
    """Decorate a kernel that computes a functional for inputs of the classes.

    It has parameters of the functional's names; arguments for others, such as the interpolation of boxes, are left out.
    Parameters named as metadata of the class (`format`, `canvas_size`, `clamping_mode`) are given the input's. It
    returns a tensor, several, or, where the class has a canvas, a tensor and the size of the new canvas.
    """

    def register(kernel: F) -> F:
        for cls in classes:
            _check_free(functional, cls)
            _KERNEL_REGISTRY[functional][cls] = _adapted(functional, cls, kernel)
        return kernel

    return register


def _check_free(functional: Callable, cls: type | str) -> None:
    if cls in _KERNEL_REGISTRY[functional]:
        raise ValueError(f"Functional {functional.__name__} already has a kernel registered for type {cls}.")


def _adapted(functional: Callable, cls: type | str, kernel: Callable) -> Callable:
    names = list(inspect.signature(functional).parameters)[1:]
    wanted = list(inspect.signature(kernel).parameters)[1:]
    tv_class = cls if isinstance(cls, type) and issubclass(cls, tv_tensors.TVTensor) else None
    if tv_class is None and wanted == names:
        return kernel
    own = [name for name in wanted if tv_class is not None and name in tv_class._metadata]
    left_out = [name for name in names if name not in wanted]

    @wraps(kernel)
    def adapted(inpt: Any, *args: Any, **kwargs: Any) -> Any:
        kwargs.update(zip(names, args, strict=False))
        for name in left_out:
            kwargs.pop(name, None)
        if tv_class is None:
            return kernel(inpt, **kwargs)
        for name in own:
            kwargs[name] = getattr(inpt, name)
        return _wrapped(kernel(inpt.as_subclass(Tensor), **kwargs), inpt)

    return adapted


def _wrapped(output: Any, like: tv_tensors.TVTensor) -> Any:
    if not isinstance(output, tuple):
        return tv_tensors.wrap(output, like=like)
    if like._metadata:
        output, canvas_size = output
        return tv_tensors.wrap(output, like=like, canvas_size=canvas_size)
    return tuple(tv_tensors.wrap(part, like=like) for part in output)


def _register_kernel_internal(
    functional: Callable, input_type: type | str, *, tv_tensor_wrapper: bool = True
) -> Callable[[F], F]:
    """Decorate a kernel for one class; without the wrapper it is given the input as it is, and all arguments."""
    _check_free(functional, input_type)
    if tv_tensor_wrapper:
        return kernel_of(functional, input_type)

    def register(kernel: F) -> F:
        _KERNEL_REGISTRY[functional][input_type] = kernel
        return kernel

    return register


def register_kernel(functional: Callable | str, tv_tensor_cls: type) -> Callable[[F], F]:
    """Decorate a function that computes a functional for tensors of a class of one's own.

    >>> import tritonnn as torch
    >>> from tritonnn.vision import tv_tensors
    >>> from tritonnn.vision.transforms.v2 import functional as F
    >>> class Heat(tv_tensors.TVTensor): ...
    >>> @F.register_kernel(F.horizontal_flip, Heat)
    ... def flipped(heat):
    ...     return tv_tensors.wrap(heat.flip(-1), like=heat)
    >>> F.horizontal_flip(torch.tensor([[1, 2]]).as_subclass(Heat))
    Heat([[2, 1]])

    Args:
        functional: of `transforms.v2.functional`, or its name.
        tv_tensor_cls: a class derived from TVTensor; the built-in ones have their kernels.
    """
    if isinstance(functional, str):
        functional = _named(functional)
    if not callable(functional) or functional not in _KERNEL_REGISTRY:
        raise ValueError(
            f"Kernels can only be registered on functionals from the torchvision.transforms.v2.functional namespace, "
            f"but got {functional}."
        )
    if not (isinstance(tv_tensor_cls, type) and issubclass(tv_tensor_cls, tv_tensors.TVTensor)):
        raise ValueError(
            "Kernels can only be registered for subclasses of torchvision.tv_tensors.TVTensor, "
            f"but got {tv_tensor_cls}."
        )
    if tv_tensor_cls in _BUILTIN_DATAPOINT_TYPES:
        raise ValueError(
            f"Kernels cannot be registered for the builtin tv_tensor classes, but got {tv_tensor_cls}"
        )
    return _register_kernel_internal(functional, tv_tensor_cls, tv_tensor_wrapper=False)


def _named(name: str) -> Callable:
    from tritonnn.vision.transforms.v2 import functional

    if not hasattr(functional, name):
        raise ValueError(
            f"Could not find functional with name '{name}' in torchvision.transforms.v2.functional."
        )
    return getattr(functional, name)


# ---- kernels made of kernels --------------------------------------------------------------------------------


def image_kernel(function: F) -> F:
    """The kernel of pictures that is a function of the classic transforms; one of tensors has a twin for Pillow's."""

    def kernel(image: Picture, *args: Any, **kwargs: Any) -> Any:
        chosen = getattr(_functional_pil, function.__name__) if is_image(image) else function
        return chosen(image, *args, **kwargs)

    return _named_for(kernel, function, "image", ())


def video_kernel(image_kernel: F) -> F:
    """The kernel of videos that is the one of pictures, frames being a dimension of the batch."""

    def kernel(video: Tensor, *args: Any, **kwargs: Any) -> Any:
        return image_kernel(video, *args, **kwargs)

    return _named_for(kernel, image_kernel, "video", ())


def mask_kernel(image_kernel: F, **fixed: Any) -> F:
    """The kernel of masks that is the one of pictures with some arguments fixed; a mask may do without channels."""

    def kernel(mask: Tensor, *args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(mask, *args, **kwargs).arguments
        del bound["mask"]
        output = image_kernel(mask if mask.ndim > 2 else mask.unsqueeze(0), **bound, **fixed)
        return output if mask.ndim > 2 else output.squeeze(0)

    kernel = _named_for(kernel, image_kernel, "mask", fixed)
    signature = inspect.signature(kernel)
    return kernel  # type: ignore[return-value]


def _named_for(kernel: Any, other: Callable, kind: str, without: Iterable[str]) -> Any:
    """The kernel with the other's name and signature, its first parameter named as what it computes with."""
    signature = inspect.signature(other)
    first, *others = signature.parameters.values()
    kept = [parameter for parameter in others if parameter.name not in without]
    kernel.__signature__ = signature.replace(parameters=[first.replace(name=kind), *kept])
    name = other.__name__.removesuffix("_image")
    kernel.__name__ = kernel.__qualname__ = f"{name}_{kind}"
    kernel.__module__ = __name__.rpartition(".")[0]  # where all of them can be found, as pickles do
    kernel.__doc__ = f"`{name}` of a {'picture' if kind == 'image' else kind}."
    return kernel

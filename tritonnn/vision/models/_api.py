"""Networks by their names: the registry that builders enter themselves into, and what asks it."""

from __future__ import annotations

import fnmatch
import importlib
import inspect
import pkgutil
import sys
from collections.abc import Callable, Iterable, Iterator
from types import ModuleType
from typing import Any, TypeVar, get_args

from tritonnn import nn
from tritonnn.vision.models._weights import Weights as Weights
from tritonnn.vision.models._weights import WeightsEnum as WeightsEnum

__all__ = [
    "Weights",
    "WeightsEnum",
    "get_model",
    "get_model_builder",
    "get_model_weights",
    "get_weight",
    "list_models",
]

PACKAGE = "tritonnn.vision.models"
BUILTIN_MODELS: dict[str, Callable[..., nn.Module]] = {}

Builder = TypeVar("Builder", bound=Callable[..., nn.Module])


def register_model(name: str | None = None) -> Callable[[Builder], Builder]:
    """Decorator that enters a function under its name, or under another, for `get_model` and `list_models`.

    Raises ValueError where the name is taken.
    """

    def enter(fn: Builder) -> Builder:
        key = name if name is not None else fn.__name__
        if key in BUILTIN_MODELS:
            raise ValueError(f"An entry is already registered under the name '{key}'.")
        BUILTIN_MODELS[key] = fn
        return fn

    return enter


def _packages() -> Iterator[ModuleType]:
    """`models` and the packages in it, with all their modules imported: now every builder has entered itself."""
    package = importlib.import_module(PACKAGE)
    yield package
    for found in pkgutil.iter_modules(package.__path__, f"{PACKAGE}."):
        module = importlib.import_module(found.name)
        if found.ispkg:
            for inner in pkgutil.iter_modules(module.__path__, f"{found.name}."):
                importlib.import_module(inner.name)
            yield module


def _registered() -> dict[str, Callable[..., nn.Module]]:
    list(_packages())
    return BUILTIN_MODELS


def get_weight(name: str) -> WeightsEnum:
    """Weights by their full name.

    >>> import tritonnn as torch
    >>> torch.vision.models.get_weight("ResNet50_Weights.IMAGENET1K_V2").meta["_metrics"]["ImageNet-1K"]["acc@1"]
    80.858

    Raises:
        ValueError: not of the form 'Enumeration.MEMBER', or there is no such enumeration. KeyError: no such member.
    """
    try:
        enum_name, value_name = name.split(".")
    except ValueError:
        raise ValueError(f"Invalid weight name provided: '{name}'.") from None
    for package in _packages():
        found = getattr(package, enum_name, None)
        if isinstance(found, type) and issubclass(found, WeightsEnum):
            return found[value_name]
    raise ValueError(f"The weight enum '{enum_name}' for the specific method couldn't be retrieved.")


def get_model_weights(name: Callable[..., nn.Module] | str) -> type[WeightsEnum]:
    """The enumeration of a network's weights.

    Args:
        name: of the network, or the function that builds it.

    >>> import tritonnn as torch
    >>> list(torch.vision.models.get_model_weights("squeezenet1_1"))
    [SqueezeNet1_1_Weights.IMAGENET1K_V1]

    Raises ValueError where the function's parameter `weights` is missing or annotated otherwise.
    """
    return _get_enum_from_fn(get_model_builder(name) if isinstance(name, str) else name)


def _get_enum_from_fn(fn: Callable[..., Any]) -> type[WeightsEnum]:
    """The enumeration that the parameter `weights` is annotated with."""
    parameter = inspect.signature(fn).parameters.get("weights")
    if parameter is None:
        raise ValueError("The method is missing the 'weights' argument.")
    annotation = parameter.annotation
    if isinstance(annotation, str):  # of a module with `from __future__ import annotations`
        try:
            annotation = eval(annotation, vars(sys.modules[inspect.unwrap(fn).__module__]))
        except NameError:
            annotation = None
    for kind in (annotation, *get_args(annotation)):  # X and Optional[X]
        if isinstance(kind, type) and issubclass(kind, WeightsEnum):
            return kind
    raise ValueError(
        "The WeightsEnum class for the specific method couldn't be retrieved. Make sure the typing info is correct."
    )


def list_models(
    module: ModuleType | None = None,
    include: Iterable[str] | str | None = None,
    exclude: Iterable[str] | str | None = None,
) -> list[str]:
    """The names of all networks, sorted.

    Args:
        module: only those of it: `torchvision.models.detection`; `torchvision.models` means the classifiers.
        include: only names that match one of these patterns ('resnet*').
        exclude: no names that match one of these.

    >>> import tritonnn as torch
    >>> torch.vision.models.list_models(include="squeeze*")
    ['squeezenet1_0', 'squeezenet1_1']
    """
    names = {
        name
        for name, builder in _registered().items()
        if module is None or builder.__module__.rpartition(".")[0] == module.__name__
    }
    return sorted((_matching(names, include) if include else names) - _matching(names, exclude or ()))


def _matching(names: set[str], patterns: Iterable[str] | str) -> set[str]:
    patterns = [patterns] if isinstance(patterns, str) else patterns
    return {name for pattern in patterns for name in fnmatch.filter(names, pattern)}


def get_model_builder(name: str) -> Callable[..., nn.Module]:
    """The function that builds a network.

    >>> import tritonnn as torch
    >>> torch.vision.models.get_model_builder("resnet18") is torch.vision.models.resnet18
    True

    Raises ValueError where there is none of that name.
    """
    name = name.lower()
    builder = BUILTIN_MODELS.get(name) or _registered().get(name)
    if builder is None:
        raise ValueError(f"Unknown model {name}")
    return builder


def get_model(name: str, **config: Any) -> nn.Module:
    """Build a network.

    Args:
        name: of it: 'resnet18'.
        config: passed to the function of that name.

    >>> import tritonnn as torch
    >>> model = torch.vision.models.get_model("squeezenet1_1", num_classes=10)
    >>> model.classifier[1].out_channels
    10

    Raises ValueError where there is none of that name.
    """
    return get_model_builder(name)(**config)

"""What builders of networks share: older ways to ask for weights, and settings that weights decide."""

from __future__ import annotations

import functools
import inspect
import warnings
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeVar

from tritonnn import Tensor, nn
from tritonnn.vision._utils import sequence_to_str
from tritonnn.vision.models._weights import WeightsEnum

__all__ = [
    "IntermediateLayerGetter",
    "classifier",
    "handle_legacy_interface",
    "kwonly_to_pos_or_kw",
    "load_weights",
]

V = TypeVar("V")
Model = TypeVar("Model", bound=nn.Module)
Builder = TypeVar("Builder", bound=Callable[..., Any])
Default = WeightsEnum | None | Callable[[dict[str, Any]], WeightsEnum | None]


class IntermediateLayerGetter(nn.ModuleDict):
    """Runs a model's children one after another, up to the last that is asked for, and returns what those give.

    Args:
        model: whose children run in the order in which they were registered, each once.
        return_layers: names of children -> names in the output.

    >>> import tritonnn as torch
    >>> from tritonnn import nn
    >>> two = nn.Sequential(OrderedDict(first=nn.Linear(3, 4), second=nn.ReLU()))
    >>> list(IntermediateLayerGetter(two, {"first": "features"})(torch.ones(1, 3)))
    ['features']

    Raises ValueError where the model has no child of a name.
    """

    _version = 2

    def __init__(self, model: nn.Module, return_layers: dict[str, str]) -> None:
        children = dict(model.named_children())
        if not children.keys() >= set(return_layers):
            raise ValueError("return_layers are not present in model")
        wanted = [index for index, name in enumerate(children) if name in return_layers]
        super().__init__(OrderedDict(list(children.items())[: wanted[-1] + 1 if wanted else 1]))
        self.return_layers = return_layers

    def forward(self, x: Tensor) -> OrderedDict[str, Tensor]:
        """What the children give, under the names asked for."""
        out = OrderedDict()
        for name, module in self.items():
            x = module(x)
            if name in self.return_layers:
                out[self.return_layers[name]] = x
        return out


def _make_divisible(v: float, divisor: int, min_value: int | None = None) -> int:
    """The multiple of `divisor` that is nearest to a number of channels, at least 90 % of it (as MobileNet has it)."""
    rounded = max(divisor if min_value is None else min_value, int(v + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * v else rounded


def init_layers(
    model: nn.Module,
    conv: Callable[[Tensor], object],
    linear: Callable[[Tensor], object] | None = None,
) -> None:
    """Fill what a network starts with; norms start as the identity, and biases of what is filled as zeros.

    Args:
        model: the network.
        conv: fills the weight of a Conv2d.
        linear: fills the weight of a Linear; None leaves these layers as they are.
    """
    for module in model.modules():
        if isinstance(module, (nn.BatchNorm2d, nn.GroupNorm)):
            if module.weight is not None:  # as with affine=False
                nn.init.ones_(module.weight)
                nn.init.zeros_(module.bias)
            continue
        fill = conv if isinstance(module, nn.Conv2d) else linear if isinstance(module, nn.Linear) else None
        if fill is not None:
            fill(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


#: Of layers whose signal stays as large on the way back (https://arxiv.org/abs/1502.01852).
he_fan_out = functools.partial(nn.init.kaiming_normal_, mode="fan_out", nonlinearity="relu")


def load_weights(model: Model, weights: WeightsEnum | None, progress: bool) -> Model:
    """The model, with the weights in it where there are any.

    Args:
        model: that the weights fit.
        weights: which.
        progress: whether a download shows how far it is.
    """
    if weights is not None:
        model.load_state_dict(weights.get_state_dict(progress=progress, check_hash=True))
    return model


def classifier(
    network: Callable[..., Model], weights: WeightsEnum | None, progress: bool, kwargs: dict[str, Any]
) -> Model:
    """Build a network with as many classes as the weights have, where there are any, and load them.

    Args:
        network: what builds it.
        weights: which.
        progress: whether a download shows how far it is.
        kwargs: of `network`.

    Raises ValueError where `kwargs` wants another number of classes.
    """
    if weights is not None:
        _ovewrite_named_param(kwargs, "num_classes", len(weights.meta["categories"]))
    return load_weights(network(**kwargs), weights, progress)


def kwonly_to_pos_or_kw(fn: Builder) -> Builder:
    """Let keyword-only parameters be passed by position, with a warning, as they once could.

    Raises TypeError where the function has none.
    """
    parameters = inspect.signature(fn).parameters.values()
    keyword_only = [p.name for p in parameters if p.kind == p.KEYWORD_ONLY]
    if not keyword_only:
        raise TypeError(f"Found no keyword-only parameter on function '{fn.__name__}'")
    start = [p.kind for p in parameters].index(inspect.Parameter.KEYWORD_ONLY)

    @functools.wraps(fn)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if len(args) > start + len(keyword_only):
            allowed = start + len(keyword_only)
            raise TypeError(
                f"{fn.__name__}() takes {allowed} positional arguments but {len(args)} were given"
            )
        late = dict(zip(keyword_only, args[start:]))
        if late:
            listed = sequence_to_str(tuple(late), separate_last="and ")
            warnings.warn(
                f"Using {listed} as positional parameter(s) is deprecated since 0.13 and may be removed in the "
                f"future. Please use keyword parameter(s) instead."
            )
        return fn(*args[:start], **{**kwargs, **late})

    return wrapper  # type: ignore[return-value]


def handle_legacy_interface(**weights: tuple[str, Default]) -> Callable[[Builder], Builder]:
    """Decorator of a builder that was called with `pretrained=True` before there were enumerations of weights.

    Args:
        weights: parameter for weights -> (the older one's name, what True stands for: weights, or a function of
            the keyword arguments that says which).

    The builder then raises ValueError where True is passed and there are no weights.
    """

    def decorate(builder: Builder) -> Builder:
        @functools.wraps(builder)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            for parameter, (older, default) in weights.items():
                _translate(builder.__name__, parameter, older, default, kwargs)
            return builder(*args, **kwargs)

        return kwonly_to_pos_or_kw(wrapper)  # type: ignore[return-value]

    return decorate


_ABSENT = object()


def _translate(builder: str, parameter: str, older: str, default: Default, kwargs: dict[str, Any]) -> None:
    """Put what today's parameter takes in the place of a bool under its own or the older name."""
    given = kwargs.get(parameter, _ABSENT)
    today = given is None or isinstance(given, WeightsEnum) or (isinstance(given, str) and given != "legacy")
    if today or (given is _ABSENT and older not in kwargs):
        return
    if given is not _ABSENT:  # a bool that was passed by position, or under the new name
        kwargs[older] = kwargs.pop(parameter)
    else:
        warnings.warn(
            f"The parameter '{older}' is deprecated since 0.13 and may be removed in the future, "
            f"please use '{parameter}' instead."
        )
    wanted = bool(kwargs[older])
    meant = (default(kwargs) if callable(default) else default) if wanted else None
    if wanted and not isinstance(meant, WeightsEnum):
        raise ValueError(f"No weights available for model {builder}")
    hint = f" You can also use `{parameter}={type(meant).__name__}.DEFAULT` to get the newest weights."
    warnings.warn(
        f"Arguments other than a weight enum or `None` for '{parameter}' are deprecated since 0.13 and may be removed "
        f"in the future. The current behavior is equivalent to passing `{parameter}={meant}`.{hint if wanted else ''}"
    )
    del kwargs[older]
    kwargs[parameter] = meant


def _ovewrite_named_param(kwargs: dict[str, Any], param: str, new_value: V) -> None:
    """Set an argument to what the weights need.

    Raises ValueError where the caller wants something else.
    """
    if kwargs.setdefault(param, new_value) != new_value:
        raise ValueError(
            f"The parameter '{param}' expected value {new_value} but got {kwargs[param]} instead."
        )


def _ovewrite_value_param(param: str, actual: V | None, expected: V) -> V:
    """What the weights need.

    Raises ValueError where the caller wants something else.
    """
    if actual is not None and actual != expected:
        raise ValueError(f"The parameter '{param}' expected value {expected} but got {actual} instead.")
    return expected


class _ModelURLs(dict):
    """Addresses by name, as modules had them in `model_urls`."""

    def __getitem__(self, item: str) -> str:
        warnings.warn(
            "Accessing the model URLs via the internal dictionary of the module is deprecated since 0.13 and may "
            "be removed in the future. Please access them via the appropriate Weights Enum instead."
        )
        return super().__getitem__(item)

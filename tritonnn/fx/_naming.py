"""What functions and types are called in a graph, and that no two names of a graph are one."""

from __future__ import annotations

import builtins
import functools
import importlib
import inspect
import keyword
import math
import operator
import re
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from tritonnn._identity import public_module
from tritonnn._overriding import public_name
from tritonnn.overrides import resolve_name

#: names of generated code that stand for more than Python's own -> (import line, value)
CUSTOM_BUILTINS: dict[str, tuple[str, Any]] = {}


def register_builtins(torch: ModuleType, pytree: ModuleType, fx_pytree: ModuleType) -> None:
    """Say what the names are that generated code uses without a module in front."""
    library = "import torch" if "torch" in sys.modules and sys.modules["torch"] is torch else ""
    CUSTOM_BUILTINS.update({
        "inf": ("from math import inf", math.inf),
        "nan": ("from math import nan", math.nan),
        "NoneType": ("NoneType = type(None)", type(None)),
        "torch": (library or "import tritonnn as torch", torch),
        "device": ("from torch import device", torch.device),
        "fx_pytree": ("import torch.fx._pytree as fx_pytree", fx_pytree),
        "pytree": ("import torch.utils._pytree as pytree", pytree),
    })  # fmt: skip


class _Namespace:
    """Gives every object of a graph a name of its own.

    >>> from tritonnn.fx._naming import _Namespace
    >>> names = _Namespace()
    >>> [names.create_name(name, None) for name in ("add", "add", "x.1", "len", "add_1")]
    ['add', 'add_1', 'x_1', 'len_1', 'add_2']
    """

    def __init__(self) -> None:
        self._obj_to_name: dict[Any, str] = {}
        self._used_names: set[str] = set()
        self._base_count: dict[str, int] = {}

    def create_name(self, candidate: str, obj: Any | None) -> str:
        """A free name that looks like `candidate`; the same again for the same object."""
        if obj is not None and obj in self._obj_to_name:
            return self._obj_to_name[obj]
        candidate = re.sub(r"[^0-9a-zA-Z_]+", "_", candidate) or "_unnamed"
        if candidate[0].isdigit():
            candidate = f"_{candidate}"
        match = re.fullmatch(r"(.*)_(0|[1-9]\d*)", candidate)
        base, number = (match[1], int(match[2])) if match else (candidate, None)
        if candidate in self._used_names or self._is_illegal_name(candidate, obj) or number is None:
            number = self._base_count.get(base, 0) if number is None or base in self._base_count else number
        name = candidate
        while name in self._used_names or self._is_illegal_name(name, obj):
            number = (number or 0) + 1
            name = f"{base}_{number}"
        self._used_names.add(name)
        self._base_count[base] = max(number or 0, self._base_count.get(base, 0))
        if obj is not None:
            self._obj_to_name[obj] = name
        return name

    def associate_name_with_obj(self, name: str, obj: Any) -> None:
        """Note that an object has a name already."""
        known = self._obj_to_name.setdefault(obj, name)
        assert known == name, f"{obj!r} is called {known!r}, and cannot be called {name!r} as well"

    def _is_illegal_name(self, name: str, obj: Any) -> bool:
        if keyword.iskeyword(name):
            return True
        if name in builtins.__dict__:
            return builtins.__dict__[name] is not obj
        return name in CUSTOM_BUILTINS and CUSTOM_BUILTINS[name][1] is not obj

    def _rename_object(self, obj: Any, name: str) -> None:
        assert obj in self._obj_to_name
        self._obj_to_name[obj] = name
        self._used_names.add(name)


def snake_case(text: str) -> str:
    """'BatchNorm' -> 'batch_norm'.

    >>> from tritonnn.fx._naming import snake_case
    >>> snake_case("MyClass"), snake_case("relu6")
    ('my_class', 'relu6')
    """
    return re.sub(r"(?<=[a-z])([A-Z])", r"_\1", text).lower()


def is_from_torch(obj: Any) -> bool:
    """Whether it is of this library."""
    if isinstance(obj, ModuleType):
        return obj.__name__.partition(".")[0] in ("tritonnn", "torch")
    place = getattr(obj, "__module__", None)
    if isinstance(place, str):
        return place.partition(".")[0] in ("tritonnn", "torch") and not place.startswith("torch.testing")
    return False


@functools.cache
def _library() -> Any:
    return importlib.import_module("tritonnn")


def lookup(name: str) -> Any:
    """What 'torch.nn.functional.relu' names here; None if nothing."""
    parts = name.split(".")
    if parts[0] != "torch":
        return None
    value: Any = _library()
    for part in parts[1:]:
        try:
            value = getattr(value, part)
        except AttributeError:
            return None
    return value


def qualified_name(func: Callable[..., Any]) -> str:
    """What users call a function: 'torch.add', '_operator.getitem', 'getattr', 'package.function'."""
    name = getattr(func, "__name__", None)
    if name is not None and getattr(builtins, name, None) is func:
        return name
    if is_from_torch(func):
        own = _own_name(func)
        if own is not None:
            return own
    if isinstance(func, (type(math.sin), type(str.join))) and not inspect.isclass(func):
        owner = getattr(func, "__module__", None) or _owner(func)
        return f"{owner}.{name}"
    if name is None:
        raise RuntimeError(f"torch.fx: cannot name {func!r} in generated code, it has no __name__")
    if name == "<lambda>":
        return _lambda_name(func)
    own = getattr(func, "__qualname__", name) if isinstance(func, type) else name
    return f"{getattr(func, '__module__', '__main__')}.{own}"


def _own_name(func: Any) -> str | None:
    module = getattr(func, "__module__", "")
    qualname = getattr(func, "__qualname__", getattr(func, "__name__", ""))
    if hasattr(func, "name") and hasattr(func, "namespace"):  # an operator of torch.ops
        return None
    place = module if module.partition(".")[0] == "torch" else public_module(module, func.__name__)
    if isinstance(func, type):
        return f"{place}.{qualname}"
    found = resolve_name(func)
    if found is not None and not found.startswith("torch.Tensor."):
        return _PRIVATE.get(found, found)
    for name in (f"torch.{qualname}", f"{place}.{qualname}"):
        if lookup(name) is func:
            return _PRIVATE.get(name, name)
    return public_name(func) if module.startswith("tritonnn") else f"{module}.{qualname}"


def _owner(func: Any) -> str:
    owner = getattr(func, "__objclass__", None)
    return f"{owner.__module__}.{owner.__qualname__}" if owner else "builtins"


def _lambda_name(func: Any) -> str:
    return f"{func.__module__}.<lambda>"


def _calls(place: str, names: str, home: str) -> dict[str, str]:
    return {f"{place}.{name}": f"{home}.{name}" for name in names.split()}


#: public names -> the names by which PyTorch's graphs call them
_PRIVATE = {
    **_calls(
        "torch.nn.functional",
        "linear gelu scaled_dot_product_attention avg_pool2d avg_pool3d softplus one_hot",
        "torch._C._nn",
    ),
    **_calls("torch", "elu_ hardtanh_ leaky_relu_", "torch._C._nn"),
    **_calls(
        "torch",
        "atleast_1d atleast_2d atleast_3d block_diag broadcast_tensors cartesian_prod cdist chain_matmul einsum "
        "meshgrid norm split stft tensordot unique unique_consecutive",
        "torch.functional",
    ),
    **_calls(
        "torch",
        "binary_cross_entropy_with_logits cosine_embedding_loss ctc_loss hinge_embedding_loss margin_ranking_loss "
        "max_pool1d max_pool1d_with_indices max_pool2d max_pool3d rms_norm rrelu triplet_margin_loss",
        "torch.nn.functional",
    ),
    "torch.nn.functional.logsigmoid": "torch._C._nn.log_sigmoid",
}


def display_name(func: Callable[..., Any]) -> str:
    """As `qualified_name`, with the module of Python's own functions, as graphs are printed."""
    name = qualified_name(func)
    if name.startswith("_operator."):
        return name[1:]
    return f"builtins.{name}" if "." not in name and getattr(builtins, name, None) is func else name


def type_repr(obj: Any) -> str:
    """A type as it is written in an annotation: 'int', 'torch.Tensor', 'typing.Optional[int]'.

    >>> import tritonnn as torch
    >>> from tritonnn.fx._naming import type_repr
    >>> type_repr(int), type_repr(torch.Tensor), type_repr(...)
    ('int', 'torch.Tensor', '...')
    """
    if isinstance(obj, type) and not hasattr(obj, "__origin__"):
        if obj.__module__ == "builtins":
            return obj.__qualname__
        return qualified_name(obj) if is_from_torch(obj) else f"{obj.__module__}.{obj.__qualname__}"
    if obj is ...:
        return "..."
    if inspect.isfunction(obj):
        return obj.__name__
    text = repr(obj)
    for kind in _classes(obj):
        text = text.replace(f"{kind.__module__}.{kind.__qualname__}", type_repr(kind))
    return text


def _classes(kind: Any) -> list[type]:
    """The classes of this library in a type such as Tensor | None."""
    if isinstance(kind, type) and not hasattr(kind, "__args__"):
        return [kind] if is_from_torch(kind) else []
    return [found for part in getattr(kind, "__args__", ()) for found in _classes(part)]


_IS_OPERATOR = frozenset(value for name, value in vars(operator).items() if not name.startswith("_"))


def is_operator(func: object) -> bool:
    """Whether it is a function of Python's `operator`."""
    return getattr(func, "__module__", None) == "_operator" and func in _IS_OPERATOR

"""`torch.ops`: operators by namespace, name and overload, those of the table (`aten`) and those that programs define.

`torch.ops.aten.add.Tensor`, `torch.ops.mylib.my_op`. The package `tritonnn.ops` is another thing, the op table.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from types import FunctionType, ModuleType
from typing import Any

from tritonnn._overriding import overloading, overridden
from tritonnn._tensor import Tensor
from tritonnn.ops import whole
from tritonnn.ops._aten_forms import FORMS
from tritonnn.table import NAMESPACES, OPS, Op

# Overloads beyond those that the arguments say: 'Tensor' and 'Scalar' of two operands, 'default' of all else.
_FURTHER = {
    "all": "dim", "any": "dim", "max": "dim other", "min": "dim other", "mean": "dim", "sum": "dim_IntList",
    "prod": "dim_int", "var": "correction dim", "std": "correction dim", "transpose": "int", "select": "int",
    "squeeze": "dim", "split": "Tensor", "softmax": "int", "log_softmax": "int", "where": "self", "index": "Tensor",
    "arange": "start start_step", "clamp": "Tensor", "median": "dim", "flatten": "using_ints", "fill": "Scalar Tensor",
    "div": "Tensor_mode", "masked_fill": "Scalar Tensor", "sort": "stable", "unbind": "int",
}  # fmt: skip
_WITHOUT_DEFAULT = frozenset((
    "masked_fill", "fill", "index", "select", "softmax", "log_softmax", "where", "split", "flatten", "transpose",
    "unbind",
))  # fmt: skip


class OpOverload:
    """One operator: callable, with the name `namespace::op` and, but for the default one, of its overload."""

    def __init__(
        self, packet: OpOverloadPacket, overload: str, function: Callable, schema: Any = None
    ) -> None:
        self.overloadpacket, self._overloadname, self._op, self._schema = packet, overload, function, schema
        self.namespace = packet.namespace
        self.__name__ = f"{packet.__name__}.{overload}"
        self.__qualname__, self.__module__ = self.__name__, packet.__module__

    def name(self) -> str:
        """Such as 'aten::add.Tensor'."""
        name = self.overloadpacket._qualified_op_name
        return name if self._overloadname == "default" else f"{name}.{self._overloadname}"

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        found = overloading((*args, *kwargs.values()))
        return self._op(*args, **kwargs) if found is None else overridden(self, found, args, kwargs)

    def __copy__(self) -> OpOverload:
        return self

    def __deepcopy__(self, memo: dict) -> OpOverload:
        return self

    def __reduce__(self) -> tuple:
        return _operator, (self.namespace, self.overloadpacket.__name__, self._overloadname)

    def __str__(self) -> str:
        return f"{self.namespace}.{self.__name__}"

    def __repr__(self) -> str:
        return f"<OpOverload(op='{self.overloadpacket}', overload='{self._overloadname}')>"


class OpOverloadPacket:
    """An operator by its name, all overloads together; calling it calls the one that fits."""

    def __init__(self, namespace: str, name: str, function: Callable, overloads: tuple[str, ...]) -> None:
        self.namespace, self.__name__, self._op = namespace, name, function
        self._qualified_op_name = f"{namespace}::{name}"
        self.__module__ = f"torch.ops.{namespace}"
        self._overloads = overloads
        self._made: dict[str, OpOverload] = {}

    def overloads(self) -> list[str]:
        """The names of the overloads."""
        return list(self._overloads)

    def __getattr__(self, name: str) -> OpOverload:
        if name.startswith("__") or name not in self._overloads:
            raise AttributeError(f"The underlying op of '{self}' has no overload name '{name}'")
        if name not in self._made:
            self._made[name] = OpOverload(self, name, self._op)
        return self._made[name]

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._overloads})

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        found = overloading((*args, *kwargs.values()))
        return self._op(*args, **kwargs) if found is None else overridden(self, found, args, kwargs)

    def __copy__(self) -> OpOverloadPacket:
        return self

    def __deepcopy__(self, memo: dict) -> OpOverloadPacket:
        return self

    def __reduce__(self) -> tuple:
        return _operator, (self.namespace, self.__name__)

    def __str__(self) -> str:
        return f"{self.namespace}.{self.__name__}"

    def __repr__(self) -> str:
        return f"<OpOverloadPacket(op='{self}')>"


class OpNamespace:
    """The operators of a namespace, as attributes."""

    def __init__(self, name: str) -> None:
        self.name = self.__name__ = name
        self._packets: dict[str, OpOverloadPacket] = {}

    def __getattr__(self, name: str) -> OpOverloadPacket:
        packet = None if name.startswith("__") else self._packets.get(name) or self._of_table(name)
        if packet is None:
            raise AttributeError(f"'_OpNamespace' '{self.name}' object has no attribute '{name}'")
        return packet

    def _of_table(self, name: str) -> OpOverloadPacket | None:
        if self.name == "torchvision":
            return self._of_place(name)
        if self.name != "aten":  # an entry of a package; it may be removed, so that it is not kept
            op = OPS.get(f"{self.name}.{name}")
            return OpOverloadPacket(self.name, name, op.function, ("default",)) if op is not None else None
        function = _published(name)
        if function is None:
            return self._of_form(name)
        packet = self._packets[name] = OpOverloadPacket(
            "aten", name, function, _overloads(name, getattr(function, "op", None))
        )
        return packet

    def _of_place(self, name: str) -> OpOverloadPacket | None:
        """Of a package whose operators are entries of the library: all that is published in its name."""
        whole()
        function = NAMESPACES[self.name].get(name)
        if function is not None:
            self._packets[name] = OpOverloadPacket(self.name, name, function, ("default",))
        return self._packets.get(name)

    def _of_form(self, name: str) -> OpOverloadPacket | None:
        if name in FORMS:
            self._packets[name] = OpOverloadPacket("aten", name, *FORMS[name])
        return self._packets.get(name)

    def __dir__(self) -> list[str]:
        return sorted(self._packets)

    def __repr__(self) -> str:
        return f"<module 'torch.ops.{self.name}' from 'torch.ops'>"


class Operators(ModuleType):
    """`torch.ops`: namespaces of operators as attributes."""

    def __init__(self) -> None:
        super().__init__("torch.ops")
        self.loaded_libraries: set[str] = set()

    def __getattr__(self, name: str) -> OpNamespace:
        if name.startswith("__"):
            raise AttributeError(f"torch.ops has no {name}")
        return namespace(name)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), "aten", *_namespaces})

    def load_library(self, path: str) -> None:
        """Refused: a library of operators that was compiled for PyTorch cannot work without it.

        Raises:
            OSError: always.
        """
        raise OSError(
            f"Could not load this library: {path}. It holds operators that were compiled against PyTorch, which "
            "tritonnn is not. Hint: define the operator in Python with torch.library.custom_op"
        )

    def import_module(self, module: str) -> None:
        """Import a Python module that defines operators."""
        importlib.import_module(module)


_namespaces: dict[str, OpNamespace] = {}
OPERATORS = Operators()


def namespace(name: str) -> OpNamespace:
    """The namespace of a name, which may be empty yet."""
    if name not in _namespaces:
        _namespaces[name] = OpNamespace(name)
    return _namespaces[name]


def _operator(space: str, name: str, overload: str | None = None) -> Any:
    """What a copy of an operator refers to: the one of its names."""
    packet = getattr(namespace(space), name)
    return packet if overload is None else getattr(packet, overload)


def _published(name: str) -> Any:
    """What the table has under a name of ATen's."""
    whole()
    for names in (NAMESPACES["torch"], vars(Tensor), NAMESPACES["functional"], NAMESPACES["special"]):
        function = names.get(name)
        if hasattr(function, "op") or (isinstance(function, FunctionType) and not name.startswith("_")):
            return function
    for prefix, place in (("linalg_", "linalg"), ("special_", "special")):
        function = NAMESPACES[place].get(name.removeprefix(prefix)) if name.startswith(prefix) else None
        if hasattr(function, "op"):
            return function
    return None


def _overloads(name: str, op: Op | None) -> tuple[str, ...]:
    plain = name.removesuffix("_")
    found = []
    if op is not None and 1 in op.number_slots and op.names[1] in ("other", "exponent"):
        found = ["Tensor_Tensor", "Tensor_Scalar", "Scalar"] if plain == "pow" else ["Tensor", "Scalar"]
    elif plain not in _WITHOUT_DEFAULT:
        found = ["default"]
    found += [further for further in _FURTHER.get(plain, "").split() if further not in found]
    return tuple(found)

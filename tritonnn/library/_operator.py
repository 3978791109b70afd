"""An operator that a program defines: its functions by device, its derivative, and what happens at a call."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tritonnn._levels import highest
from tritonnn._levels import state as transforms
from tritonnn._overriding import overloading, overridden
from tritonnn._tensor import Tensor
from tritonnn.autograd.function import Function
from tritonnn.dispatch import wrote
from tritonnn.library._batches import batched_call
from tritonnn.library._schema import Schema
from tritonnn.ops._namespaces import OpOverload, OpOverloadPacket, namespace
from tritonnn.recording.grad_mode import no_grad, state

DEVICES = ("cpu", "cuda")
ANY = "any"  # the kernel of every device that has none of its own
OPERATORS: dict[str, Operator] = {}
#: functions without memory of operators that are not defined yet: a library's own may be missing as a whole
FAKES: dict[str, Callable] = {}


class Operator:
    """What is known of an operator; `__call__` is a call of it."""

    def __init__(self, schema: Schema) -> None:
        space, colons, name = schema.name.partition("::")
        if not colons or not space or not name:
            raise ValueError(f"an operator is named 'namespace::name', not {schema.name!r}")
        if space == "aten":
            raise RuntimeError(
                f"the namespace '{space}' is one of the library's own: choose another for '{schema.name}'"
            )
        if schema.name in OPERATORS:
            raise RuntimeError(
                f"Tried to register an operator ({schema}) with the same name and overload name multiple times."
            )
        self.schema, self.name = schema, schema.name
        self.kernels: dict[str, Callable] = {}
        self.disabled: set[str] = set()
        self.recorded = False  # whether gradients go through what the kernel does
        self.fake: Callable | None = FAKES.pop(schema.name, None)
        self.backward: Callable | None = None
        self.setup_context: Callable | None = None
        self.batches: Callable | None = None  # the rule for what is inside vmap
        self.packet = OpOverloadPacket(space, name, self, ("default",))
        self.overload = self.packet._made["default"] = OpOverload(self.packet, "default", self, schema)
        namespace(space)._packets[name] = self.packet
        OPERATORS[schema.name] = self

    def forget(self) -> None:
        """Take it out of its namespace again."""
        OPERATORS.pop(self.name, None)
        space, _, name = self.name.partition("::")
        namespace(space)._packets.pop(name, None)

    # ---- a call -----------------------------------------------------------------------------------------------

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        found = overloading((*args, *kwargs.values()))
        if found is not None:
            return overridden(self.overload, found, args, kwargs)
        values = self.bind(args, kwargs)
        if transforms.stack and highest(values):
            return batched_call(self, values)
        if self.recorded and self.backward is None:
            return self.run(values)
        if not state.enabled or not any([tensor.requires_grad for tensor in tensors_of(values)]):
            return self.run(values)
        return _recorded(self, values)

    def bind(self, args: tuple, kwargs: dict[str, Any]) -> list[Any]:
        """All arguments in schema order."""
        declared = f"Declaration: {self.schema}"
        positional = [a for a in self.schema.arguments if not a.kwarg_only]
        if len(args) > len(positional):
            raise RuntimeError(
                f"{self.name}() expected at most {len(positional)} argument(s) but received {len(args)} argument(s). "
                + declared
            )
        values = list(args)
        rest = dict(kwargs)
        for argument in self.schema.arguments[len(args) :]:
            if argument.name in rest:
                values.append(rest.pop(argument.name))
            elif argument.required:
                raise RuntimeError(
                    f"{self.name}() is missing value for argument '{argument.name}'. {declared}"
                )
            else:
                values.append(argument.value)
        if rest:
            name = next(iter(rest))
            raise RuntimeError(f"{self.name}() got an unknown or repeated argument '{name}'. {declared}")
        for place, (argument, value) in enumerate(zip(self.schema.arguments, values, strict=True)):
            if not _fits(argument.type, value):
                raise RuntimeError(
                    f"{self.name}() Expected a value of type '{argument.type}' for argument '{argument.name}' but "
                    f"instead found type '{type(value).__name__}'.\nPosition: {place}\nValue: {value!r}\n{declared}"
                )
        return values

    def run(self, values: list[Any]) -> Any:
        """Run the kernel of the arguments' device."""
        given = tensors_of(values)
        device = next((tensor.device.type for tensor in given), ANY)
        kernel = self.kernel(device)
        count = sum([not argument.kwarg_only for argument in self.schema.arguments])
        named = {a.name: v for a, v in zip(self.schema.arguments[count:], values[count:], strict=True)}
        written = [v for a, v in zip(self.schema.arguments, values, strict=True) if a.mutated]
        before = [(tensor, tensor._storage.version) for tensor in tensors_of(written)]
        result = kernel(*values[:count], **named)
        for tensor, version in before:
            if tensor._storage.version == version >= 0:  # it wrote where nobody counts
                wrote(tensor, self.name)
        if not self.recorded:
            _refuse_aliases(self.name, tensors_of([result]), given)
        return result

    def kernel(self, device: str) -> Callable:
        """What runs on a device type."""
        if device == "meta" and self.fake is not None:
            return self.fake
        kernel = None if device in self.disabled else self.kernels.get(device)
        if kernel is None and device == "meta" and not self.recorded:
            raise RuntimeError(
                f"There was no fake impl registered for {self.name}. Tensors without memory need one: please use "
                "register_fake"
            )
        kernel = kernel or self.kernels.get(ANY)
        if kernel is None and device == ANY and self.kernels:
            kernel = next(iter(self.kernels.values()))
        if kernel is None:
            raise NotImplementedError(
                f"Could not run '{self.name}' with arguments from the '{device.upper()}' backend: it is registered for "
                f"{', '.join(self.kernels) or 'no device'}"
            )
        return kernel


def tensors_of(values: list[Any] | tuple) -> list[Tensor]:
    """The tensors among values, and in lists and tuples."""
    found: list[Tensor] = []
    for value in values:
        if isinstance(value, Tensor):
            found.append(value)
        elif isinstance(value, (list, tuple)):
            found += [item for item in value if isinstance(item, Tensor)]
    return found


_CLASSES: dict[str, tuple[type, ...]] = {
    "Tensor": (Tensor,), "SymInt": (int,), "int": (int,), "float": (int, float), "bool": (bool,), "str": (str,),
    "Scalar": (bool, int, float, complex),
}  # fmt: skip


def _fits(kind: str, value: object) -> bool:
    """Whether a value is of a schema's type; of types that are looked at by what reads them, always."""
    if kind.endswith("?"):
        return value is None or _fits(kind[:-1], value)
    if kind.endswith("]"):
        inner = kind[: kind.rindex("[")]
        return isinstance(value, (list, tuple)) and all([_fits(inner, item) for item in value])
    classes = _CLASSES.get(kind.partition("(")[0])
    return classes is None or isinstance(value, classes)


def _refuse_aliases(name: str, results: list[Tensor], given: list[Tensor]) -> None:
    blocks = [id(tensor._storage.block) for tensor in given]
    for result in results:
        if id(result._storage.block) in blocks:
            raise RuntimeError(
                f"{name}: The output of this custom operator (1) must not also be an input to this custom operator and "
                "(2) may not alias any inputs to this custom operator or other returns. The most common way to trigger "
                "this error is if we have y = custom_op(x) and y and x are the same Tensor. Please instead return a "
                "clone of the offending output tensor(s) (e.g. return x.clone()) or refactor the custom operator to "
                "not return y."
            )
        blocks.append(id(result._storage.block))


# ---- its derivative -----------------------------------------------------------------------------------------


def _recorded(operator: Operator, values: list[Any]) -> Any:
    """The call as one node of the graph; tensors in lists are arguments of it as well."""
    flat = tensors_of(values)

    class Generated(Function):
        @staticmethod
        def forward(ctx: Any, *given: Any) -> Any:
            inputs = _with_tensors(values, iter(given))
            with no_grad():
                result = operator.run(inputs)
            if operator.setup_context is not None:
                count = sum([not a.kwarg_only for a in operator.schema.arguments])
                named = {a.name: v for a, v in zip(operator.schema.arguments[count:], inputs[count:])}
                more = {"keyword_only_inputs": named} if named else {}
                operator.setup_context(ctx=ctx, inputs=tuple(inputs[:count]), output=result, **more)
            return tuple(result) if isinstance(result, list) else result

        @staticmethod
        def backward(ctx: Any, *grads: Any) -> Any:
            if operator.backward is None:
                raise RuntimeError(
                    f"Trying to backward through {operator.overload} but no autograd formula was registered. Please "
                    "use register_autograd to add one."
                )
            given = (list(grads),) if returns_list else grads
            returned = operator.backward(ctx, *given)
            return _flat_gradients(operator, values, returned if isinstance(returned, tuple) else (returned,))

    returns_list = operator.schema.returns == ("Tensor[]",)
    Generated.__name__ = f"GeneratedBackwardFor_{operator.name.replace('::', '_')}_default"
    result = Generated.apply(*flat)
    return list(result) if returns_list else result


def _with_tensors(values: list[Any], tensors: Iterator[Tensor]) -> list[Any]:
    """The values, with other tensors in place of theirs."""
    return [
        next(tensors) if isinstance(value, Tensor)
        else [next(tensors) if isinstance(item, Tensor) else item for item in value]
        if isinstance(value, (list, tuple)) else value
        for value in values
    ]  # fmt: skip


def _flat_gradients(operator: Operator, values: list[Any], returned: tuple) -> tuple:
    """One gradient for each tensor, from one for each argument."""
    count = sum([not argument.kwarg_only for argument in operator.schema.arguments])
    if len(returned) != count:
        raise RuntimeError(
            f"{operator.name}: the backward function returned {len(returned)} gradients, one for each of the {count} "
            "arguments was expected"
        )
    flat: list[Any] = []
    for value, grad in zip(values, [*returned, *[None] * (len(values) - count)], strict=True):
        if isinstance(value, Tensor):
            flat.append(grad)
        elif isinstance(value, (list, tuple)):
            parts = [None] * len(value) if grad is None else grad
            if len(parts) != len(value):
                raise RuntimeError(
                    f"{operator.name}: {len(parts)} gradients for a list of {len(value)} tensors"
                )
            flat += [part for item, part in zip(value, parts) if isinstance(item, Tensor)]
    return tuple(flat)


#: namespaces that a Library of kind 'DEF' has, and those of the library itself
CLAIMED = {
    "aten",
    "prims",
    "quantized",
    "_quantized",
    "profiler",
    "c10d",
    "mkl",
    "sparse",
    "_c10d_functional",
}


def claim(name: str) -> None:
    """Note that a Library of kind 'DEF' has a namespace, which no other may have."""
    if name in CLAIMED:
        raise RuntimeError(
            f"Only a single TORCH_LIBRARY can be used to register the namespace {name}: torch.library.Library("
            f"'{name}', 'DEF') stands elsewhere already; 'FRAGMENT' adds to it, 'IMPL' implements"
        )
    CLAIMED.add(name)


def operator_of(op: object) -> Operator:
    """The operator that a name, an overload, a packet or a CustomOpDef stands for."""
    name = (
        op
        if isinstance(op, str)
        else getattr(op, "_qualname", None) or getattr(op, "_qualified_op_name", None)
    )
    if name is None and isinstance(op, OpOverload):
        name = op.overloadpacket._qualified_op_name
    if name not in OPERATORS:
        raise RuntimeError(
            f"there is no operator {name or op!r}: it is defined by custom_op, or torch.library.define"
        )
    return OPERATORS[name]


def devices(device_types: Any) -> list[str]:
    """The names of device types that something is registered for."""
    if device_types is None:
        return [ANY]
    names = [device_types] if isinstance(device_types, str) else list(device_types)
    for name in names:
        if name not in (*DEVICES, "meta"):
            raise ValueError(f"device_types: '{name}' is none of {', '.join(DEVICES)}, meta")
    return names


@contextmanager
def kernel_enabled(operator: Operator, device_types: object, enabled: bool) -> Iterator[None]:
    """Within the block, run the kernels of device types, or what is registered for all devices instead."""
    before = set(operator.disabled)
    change = operator.disabled.difference_update if enabled else operator.disabled.update
    change(devices(device_types))
    try:
        yield
    finally:
        operator.disabled = before

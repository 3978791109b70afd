"""Calls of the op table by ATen's names, for those who count, record or answer them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.dispatch import TableCall
from tritonnn.ops._namespaces import OpOverload, OpOverloadPacket, namespace
from tritonnn.recording.grad_mode import state
from tritonnn.table import Op
from tritonnn.utils._aten_calls import FORMS

#: entries that ATen has under another name than their public one
NAMES = {
    "matmul_nd": "matmul", "mv_of": "mv", "dot_of": "dot", "to_copy": "_to_copy", "fill_values": "fill",
    "copy_values": "copy",
    "attention": "_scaled_dot_product_flash_attention",
    "attention_backward": "_scaled_dot_product_flash_attention_backward",
    "convolution_weight_grad": "convolution_backward", "native_layer_norm": "native_layer_norm",
    "native_layer_norm_backward": "native_layer_norm_backward",
    "native_batch_norm": "native_batch_norm", "native_group_norm": "native_group_norm",
    "addmm_activation": "_addmm_activation", "philox_normal": "normal", "philox_uniform": "uniform",
    "view_as_size": "view", "expand_as_size": "expand", "constant_pad_nd": "constant_pad_nd",
    "p_norm": "linalg_vector_norm",
}  # fmt: skip
#: kinds of calls that write into a tensor that exists
WRITING = ("inplace", "run_into")
_own: dict[tuple[str, str, str], OpOverload] = {}


def aten_name(call: TableCall) -> str:
    """What ATen calls it: 'mm', and 'add_' in place.

    A product is named by its operands' dimensions, and the convolution by which a gradient is computed after what it
    is part of.
    """
    op = call.op
    name = NAMES.get(op.name, op.public_name)
    if name == "matmul":
        name = "mm" if _ranks(call) == (2, 2) else "bmm" if min(_ranks(call)) > 2 else name
    elif name == "linear":
        name = "mm" if call.args[2] is None else "addmm"
    elif name == "convolution" and state.current is not None:
        name = "convolution_backward"
    return f"{name}_" if call.run.__name__ in WRITING else name


def _ranks(call: TableCall) -> tuple[int, int]:
    return len(call.args[0].shape), len(call.args[1].shape)


def aten_call(call: TableCall) -> tuple[OpOverload, tuple, dict[str, object]]:
    """The operator of `torch.ops.aten` that a call is one of, or one of its own, with the arguments that it takes.

    An operator of its own stands for what ATen has not, or has with other arguments; it is not found in
    `torch.ops.aten`.
    """
    form = FORMS.get(call.op.name)
    if form is not None and call.out is None and call.run.__name__ not in WRITING:
        found = form(call.args)
        if found is not None:
            operator, overload, args, kwargs = found
            return getattr(getattr(namespace("aten"), operator), overload), args, kwargs
    return (_overload_of(call), *given_to(call))


def written_form(call: TableCall) -> tuple[OpOverload, tuple, dict[str, object]] | None:
    """A call that fills or copies into a tensor that exists as ATen's method: `aten.copy_(target, source)`."""
    found = _FILLING.get(call.op.name) if call.run.__name__ == "run_into" else None
    if found is None:
        return None
    return getattr(getattr(namespace("aten"), found[0]), found[1]), (call.out, *call.args), {}


_FILLING = {"copy_values": ("copy_", "default"), "fill_values": ("fill_", "Scalar")}


def _overload_of(call: TableCall) -> OpOverload:
    name = NAMES.get(call.op.name, call.op.public_name)
    if name == "matmul":
        name = {(2, 2): "mm", (3, 3): "bmm"}.get(_ranks(call), name)
    name = f"{name}_" if call.run.__name__ in WRITING else name
    packet = namespace("aten")._packets.get(name) or namespace("aten")._of_table(name)
    op = getattr(getattr(packet, "_op", None), "op", None)
    if packet is not None and call.run.__name__ != "run_into" and (op is call.op or name in ("mm", "bmm")):
        number = len(call.args) > 1 and not isinstance(call.args[1], Tensor)
        overloads = packet.overloads()
        wanted = overloads[number and "Tensor_Scalar" in overloads]
        if number and call.op.name == "rsub":
            wanted = "Scalar"
        return getattr(packet, wanted)
    key = (name, call.op.name, call.run.__name__)
    if key not in _own:
        function = _entry(call.op, call.run)
        _own[key] = OpOverload(OpOverloadPacket("aten", name, function, ("default",)), "default", function)
    return _own[key]


def packet_of(call: TableCall) -> OpOverloadPacket:
    """The operator by its name as `aten_name` says it: `torch.ops.aten.mm` where there is one."""
    name = aten_name(call)
    packet = namespace("aten")._packets.get(name) or namespace("aten")._of_table(name)
    if packet is None:
        key = (name, "", "")
        if key not in _own:
            _own[key] = OpOverload(
                OpOverloadPacket("aten", name, _entry(call.op, call.run), ("default",)), "default", call.run
            )
        packet = _own[key].overloadpacket
    return packet


def _entry(op: Op, run: Callable) -> Callable:
    """A function of an entry's arguments that calls it as `run` does."""

    def call(*args: Any, **kwargs: Any) -> Any:
        bound, out = op.bind(args, kwargs)
        if run.__name__ == "run_into":
            return run(op, out, bound)
        return run(op, bound) if out is None else run(op, bound, out)

    call.__name__ = call.__qualname__ = op.name
    return call


def given_to(call: TableCall) -> tuple[tuple, dict[str, object]]:
    """The arguments of a call as a program gives them: by position and by name, without the defaults at the end."""
    op = call.op
    args = list(call.args[: op.n_positional])
    while args and _is_default(op, len(args) - 1, args[-1]):
        args.pop()
    kwargs: dict[str, object] = {
        op.names[i]: call.args[i]
        for i in range(op.n_positional, len(call.args))
        if not _is_default(op, i, call.args[i])
    }
    if call.out is not None:
        kwargs["out"] = call.out
    return tuple(args), kwargs


def _is_default(op: Op, place: int, value: object) -> bool:
    name = op.names[place]
    if name not in op.defaults or isinstance(value, Tensor):
        return False
    default = op.defaults[name]
    return value is default or (type(value) is type(default) and bool(value == default))

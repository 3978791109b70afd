"""What is checked before anything is touched: tensors where tensors belong, one device, who wants gradients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.device import CPU
from tritonnn.dtypes import dtype as DType
from tritonnn.errors import HalfComplexOperand, Invalid, complete, refused
from tritonnn.recording.grad_mode import state
from tritonnn.recording.graph import edge_of
from tritonnn.table.half_complex import MOVING_HALF_COMPLEX, TAKING_HALF_COMPLEX
from tritonnn.table.rules import FLOAT
from tritonnn.table.shells import takes_shell
from tritonnn.table.unsigned import TAKING_UNSIGNED

if TYPE_CHECKING:
    from tritonnn.table import Op


# types that most ops refuse, or compute in another type
LIMITED = frozenset((*dtypes.FLOAT8, *dtypes.UNSIGNED, dtypes.complex32, *dtypes.SHELLS))


def apply_rule(op: Op, args: tuple) -> Any:
    for i in op.tensor_slots:
        value = args[i]
        if isinstance(value, Tensor) and value._dtype in LIMITED:
            check_limited(op, value._dtype, args)
    return op.rule(*args)


def explained(op: Op, step: Callable, args: tuple, *more: object) -> Any:
    try:
        return step(op, args, *more)
    except Invalid as invalid:
        raise complete(op.public_name, op.names, args, invalid) from None


_NUMBERS = frozenset((bool, int, float, complex))


def plain_numbers(op: Op, args: tuple) -> tuple:
    """NumPy scalars as Python numbers where the annotations take numbers; what else is no tensor is refused."""
    for i in op.tensor_slots:
        value = args[i]
        if isinstance(value, Tensor) or (value is None and i in op.optional_slots):
            continue
        if i not in op.number_slots:
            raise not_a_tensor(op, i, args)
        if value.__class__ in _NUMBERS:
            continue
        if isinstance(value, (np.number, np.bool_)):
            args = (*args[:i], value.item(), *args[i + 1 :])
        elif isinstance(value, (bool, int, float, complex)):  # a subclass, such as an IntEnum's member
            plain = int(value) if isinstance(value, int) else value
            args = (*args[:i], plain, *args[i + 1 :])
        else:
            raise not_a_tensor(op, i, args)
    return args


def is_number(value: object) -> bool:
    return isinstance(value, (bool, int, float, complex, np.number))


def not_a_tensor(op: Op, i: int, args: Sequence[Any]) -> Exception:
    wanted = "Tensor or Number" if i in op.number_slots else "Tensor"
    where = f"argument '{op.names[i]}' (position {i + 1})"
    text = f"{op.public_name}(): {where} must be {wanted}, not {type(args[i]).__name__}"
    return refused(text, op.names, args)


def tensor_arguments(op: Op, args: tuple) -> list[Tensor]:
    tensors = []
    for i in op.tensor_slots:
        value = args[i]
        if isinstance(value, Tensor):
            tensors.append(value)
        elif i in op.list_slots and isinstance(value, (list, tuple)):
            for place, item in enumerate(value):
                if not isinstance(item, Tensor):
                    text = f"{op.public_name}(): argument '{op.names[i]}' must be tuple of Tensors"
                    text = f"{text}, but found element of type {type(item).__name__} at pos {place}"
                    raise refused(text, op.names, args)
            tensors += value
        elif not (value is None and i in op.optional_slots) and not (
            i in op.number_slots and is_number(value)
        ):
            raise not_a_tensor(op, i, args)
    return tensors


def check_slots(op: Op, args: tuple) -> None:
    """Refuse what is no tensor where one belongs, and float8 where the op does not say that it takes it."""
    known = False
    for i in op.tensor_slots:
        value = args[i]
        if isinstance(value, Tensor):
            if value._dtype in LIMITED:
                check_limited(op, value._dtype, args)
        elif not known and not (value is None and i in op.optional_slots):
            tensor_arguments(op, args)
            known = True


def check_limited(op: Op, dtype: DType, args: tuple = ()) -> None:
    """Refuse float8, the unsigned types beyond uint8 and bytes that stand for no numbers, where the op is none of the
    few that take them. What computes with complex32 is called again with complex64."""
    if dtype is dtypes.complex32:
        if op.name not in MOVING_HALF_COMPLEX:
            raise half_complex(op)
        return
    if dtype in dtypes.UNSIGNED:
        if not takes_unsigned(op):
            raise NotImplementedError(
                f"{op.public_name}: not implemented for {dtype.name}. Hint: convert with .to(torch.int64)"
            )
        return
    check_float8(op, dtype, args)


def half_complex(op: Op) -> Exception:
    """What is raised where an op would compute with complex32: `SparseOperand`, upon which it is called with complex64,
    or what refuses it."""
    if op.name in TAKING_HALF_COMPLEX:
        return HalfComplexOperand(f"{op.public_name}: computes in complex64")
    return NotImplementedError(
        f"{op.public_name}: not implemented for complex32. Hint: convert with .to(torch.complex64) first"
    )


def takes_unsigned(op: Op) -> bool:
    """Whether the op computes with uint16, uint32 and uint64."""
    return op.name in TAKING_UNSIGNED or op.result_rule is FLOAT


#: what takes float8, but for the type that has powers of 2 alone
_NOT_OF_POWERS = frozenset(["matmul_nd", "addmm", "baddbmm", "addmm_activation", "linear"])


def check_float8(op: Op, dtype: DType, args: tuple = ()) -> None:
    """Refuse to compute with float8, or to make numbers of it, as PyTorch does for all but a few ops; and to do so with
    bytes that stand for no numbers.

    Args:
        args: of the call: where they name another dtype, the rule converts first.
    """
    if dtype in dtypes.SHELLS and not takes_shell(op.name, dtype):
        raise NotImplementedError(
            f"{op.public_name}: not implemented for {dtype.name}. Hint: .view(torch.uint8) shows its bytes"
        )
    if dtype not in dtypes.FLOAT8 or (
        op.float8 and not (dtype is dtypes.float8_e8m0fnu and op.name in _NOT_OF_POWERS)
    ):
        return
    wanted = args[op.names.index("dtype")] if args and "dtype" in op.names else None
    if wanted is None or wanted in dtypes.FLOAT8:
        raise NotImplementedError(
            f"{op.public_name}: not implemented for {dtype.name}. Hint: convert with .to(torch.float32) first"
        )


def device_of(op: Op, args: tuple) -> Any:
    """The one device of all tensor arguments; None where there is no tensor."""
    device = None
    for i in op.tensor_slots:
        value = args[i]
        if isinstance(value, Tensor):
            if device is None:
                device = value._device
            elif value._device is not device:
                break
        elif value is not None:
            break
    else:
        return device
    tensors = tensor_arguments(op, args)
    return explained(op, common_device, args, tensors) if tensors else None


def common_device(op: Op, args: tuple, tensors: Sequence[Tensor]) -> Any:
    device = tensors[0]._device
    for tensor in tensors:
        if tensor._device is not device:
            if op.result_rule is not None and not tensor._shape and tensor._device is CPU:
                continue
            if op.result_rule is not None and device is CPU and not tensors[0]._shape:
                return common_device(op, args, [t for t in tensors if t._shape or t._device is not CPU])
            raise Invalid(
                f"Expected all tensors to be on the same device, but found at least two devices, {device} and "
                f"{tensor._device}!",
                hint="move one of them with .to(device)",
            )
    return device


def edges_of(op: Op, args: tuple) -> list | None:
    """Where the gradients of the tensor arguments go; None when nothing is to be recorded."""
    if not state.enabled or not op.differentiable:
        return None
    edges: list = []
    found = False
    for i in op.tensor_slots:
        value = args[i]
        if isinstance(value, Tensor):
            # most tensors are neither views nor wanted
            edge = edge_of(value) if value._rg or value._base is not None else None
            edges.append(edge)
            if edge is not None:
                found = True
        elif i in op.list_slots:
            more = [edge_of(item) for item in value]
            edges += more
            found = found or any([edge is not None for edge in more])
        else:
            edges.append(None)
    return edges if found else None

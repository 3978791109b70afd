"""Allocating results and running the backend's function of an op's name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from tritonnn import memory
from tritonnn._return_types import FIELDS, record
from tritonnn._tensor import Tensor, make
from tritonnn.buffer import Missing
from tritonnn.device import CPU
from tritonnn.device import device as Device
from tritonnn.dispatch._quiet import QUIET, quiet_reset, quiet_set
from tritonnn.dtypes import dtype as DType
from tritonnn.errors import Invalid, complete, fail
from tritonnn.shape import Size

if TYPE_CHECKING:
    from tritonnn.table import Op


def fresh(
    op: Op, shape: Size, dtype: DType, device: Device, strides: tuple[int, ...] | None = None
) -> Tensor:
    buffer, block = memory.empty(shape, dtype, device, op.name, strides)
    tensor = make(buffer, block, shape, dtype, device)
    if strides is not None:
        tensor._stride = strides
    return tensor


def elsewhere(op: Op, args: tuple) -> tuple[str, Callable[..., Any] | None]:
    """What runs a call that an entry says `host=` of, with tensors on a GPU.

    Returns:
        (the library on the host, or "", the function of NVIDIA's library that is called in place of a kernel, or None).
    """
    from tritonnn.kernels import libraries

    host = op.host if isinstance(op.host, str) else op.host(*args)
    if not host and libraries.preferred != "cusolver":
        return "", None
    function = libraries.implementation(op.family, op.name)
    return (host, None) if function is None else ("", function)


def run_backend(
    op: Op,
    results: tuple,
    args: tuple,
    device: Device | None = None,
    library: Callable[..., Any] | None = None,
) -> None:
    """Run the backend's function of the op's name, or a library's."""
    device = device or results[0]._device
    if device is CPU:
        run = op.cpu or op.implementation("cpu")
        token = quiet_set(QUIET)
        try:
            run(*[result._buf for result in results], *_buffers(op, args))
        except Invalid as invalid:
            raise complete(op.public_name, (), (), invalid) from None
        finally:
            quiet_reset(token)
    elif device.type != "meta":
        check_present(op, (*results, *args))
        run = library or op.gpu or op.implementation("cuda")
        try:
            run(*[result._buf for result in results], *_buffers(op, args))
        except Invalid as invalid:
            raise complete(op.public_name, (), (), invalid) from None


def check_present(op: Op, args: Sequence[Any]) -> None:
    """Refuse a tensor that reaches beyond its storage, which another has made smaller."""
    for arg in args:
        if isinstance(arg, Tensor):
            if arg._buf.__class__ is Missing:
                raise fail(op.public_name, arg._buf.text)
        elif arg.__class__ is list:
            check_present(op, arg)


def _buffers(op: Op, args: tuple) -> list:
    """The arguments as a backend takes them: buffers for tensors, everything else as it is."""
    if op.list_slots:
        return [
            arg._buf if isinstance(arg, Tensor) else [t._buf for t in arg] if i in op.list_slots else arg
            for i, arg in enumerate(args)
        ]
    if op.rule_only:
        args = tuple([arg for i, arg in enumerate(args) if i not in op.rule_only])
    return [arg._buf if isinstance(arg, Tensor) else arg for arg in args]


def run_allocating(op: Op, args: tuple, device: Device) -> tuple:
    """Run an op whose result sizes depend on data; it allocates through what it is given."""
    allocated: dict[int, Tensor] = {}

    def alloc(shape: tuple[int, ...], dtype: DType) -> Any:
        tensor = fresh(op, Size(shape), dtype, device)
        allocated[id(tensor._buf)] = tensor
        return tensor._buf

    if device.type == "meta":
        raise NotImplementedError(
            f"{op.name}: the size of the result depends on data, which meta tensors do not have"
        )
    buffers = [arg._buf if isinstance(arg, Tensor) else arg for arg in args]
    run = op.implementation(device.type)
    token = quiet_set(QUIET)
    try:
        outs = run(alloc, *buffers)
    finally:
        quiet_reset(token)
    return tuple(allocated[id(buf)] for buf in (outs if isinstance(outs, tuple) else (outs,)))


def named(op: Op, results: tuple) -> Any:
    if op.tuple_type is None:
        name = "linalg_qr" if op.name == "qr" else op.name
        if FIELDS.get(name) == op.results:
            op.tuple_type = record(name)
        else:
            from collections import namedtuple

            op.tuple_type = namedtuple(op.own_name, op.results)  # type: ignore[misc]
    kind: Any = op.tuple_type
    return tuple.__new__(kind, results)

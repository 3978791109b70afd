"""Autocast where calls are made: an op with a policy casts its arguments before it runs.

Ops keep the function that they run (`Op.run`). Those with a policy run another one while any thread has autocast on; so
a call pays nothing for it while none has, and ops without a policy never do.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from functools import cache
from typing import TYPE_CHECKING, Any

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.dtypes import dtype as DType
from tritonnn.recording.grad_mode import state
from tritonnn.table.autocast import (
    CLOSED,
    DECLARED,
    FLOAT32,
    FLOAT32_BACK,
    FLOAT32_RESULT,
    ONLY,
    REFUSALS,
    STATES,
    WIDEST,
    policies,
)

if TYPE_CHECKING:
    from tritonnn.table import Op

#: the lower precision by device type; of those after the first two there are no tensors here, but programs for any
#: device open blocks for them all the same
DEFAULTS = {
    "cpu": dtypes.bfloat16, "cuda": dtypes.float16, "mps": dtypes.float16, "xpu": dtypes.float16,
    "ipu": dtypes.float16, "mtia": dtypes.float16, "hpu": dtypes.bfloat16, "xla": dtypes.bfloat16,
    "maia": dtypes.bfloat16,
}  # fmt: skip


class _Autocast(threading.local):
    """What a thread has set."""

    def __init__(self) -> None:
        self.on: dict[
            str, DType
        ] = {}  # by device type, where it is on: the lower precision; replaced, not written to
        self.dtypes = dict(DEFAULTS)
        self.cache_enabled = True
        self.nesting = 0
        self.casts: dict[int, _Cast] = {}
        self.before: list[tuple[bool, DType, bool]] = []  # what the blocks that are entered found


autocast = _Autocast()


class _Cast:
    """A leaf in lower precision, as long as the leaf is what it was."""

    __slots__ = ("result", "source", "storage", "version")

    def __init__(self, source: Tensor, result: Tensor) -> None:
        self.source, self.result = source, result  # the source is held, so that its id is not another's
        self.storage, self.version = source._storage, source._storage.version

    def serves(self, source: Tensor, dtype: DType) -> bool:
        """Whether it is what a cast would give now: written to, or cast without a graph, it is not."""
        storage = source._storage
        return (
            self.storage is storage
            and self.version == storage.version
            and self.result.dtype is dtype
            and (self.result._rg or not state.enabled)
        )


def switch(on: dict[str, DType]) -> None:
    """Set where autocast is on for this thread."""
    if bool(on) != bool(autocast.on):
        _count(1 if on else -1)
    autocast.on = on


def without_autocast(function: Callable) -> Callable:
    """The function, called with autocast off: for forms in place and with `out=`, and within ops with a policy."""

    def run(*args: object, **kwargs: object) -> Any:
        before = autocast.on
        if not before:
            return function(*args, **kwargs)
        autocast.on = {}
        try:
            return function(*args, **kwargs)
        finally:
            autocast.on = before

    return run


# ---- casting ------------------------------------------------------------------------------------------------


def _eligible(value: object, device: str) -> bool:
    """Whether autocast looks at it: double precision, and what is not floating, keeps its type."""
    if not isinstance(value, Tensor):
        return False
    dtype = value.dtype
    return dtype.is_floating_point and dtype is not dtypes.float64 and value.device.type == device


def cast(value: Any, dtype: DType, device: str) -> Any:
    """Eligible tensors in `dtype`, in lists and tuples too; what else there is, as it is."""
    if not isinstance(value, Tensor):
        listed = isinstance(value, (list, tuple)) and any([isinstance(item, Tensor) for item in value])
        return [cast(item, dtype, device) for item in value] if listed else value
    if value.dtype is dtype or not _eligible(value, device):
        return value
    lasting = value._rg and value._node is None and value._base is None and value.dtype is dtypes.float32
    if not lasting or not autocast.cache_enabled or dtype is not autocast.dtypes[device]:
        return value.to(dtype)
    known = autocast.casts.get(id(value))
    if known is None or not known.serves(value, dtype):
        known = autocast.casts[id(value)] = _Cast(value, value.to(dtype))
    return known.result


def lower_precision(value: object) -> DType | None:
    """What autocast casts a tensor to before a product; None where it is off, or does not look at the tensor."""
    device = value.device.type if isinstance(value, Tensor) else ""
    return autocast.on[device] if device in autocast.on and _eligible(value, device) else None


def _given_back(result: Any, first: Any, policy: str, device: str) -> Any:
    """What an op gave, in the type of its first argument where the policy says so."""
    if policy != FLOAT32_BACK or not _eligible(first, device):
        return result
    if isinstance(result, tuple):
        return type(result)(*[cast(r, first.dtype, device) for r in result])
    return cast(result, first.dtype, device)


def _tensors(values: Iterable[object]) -> list[Tensor]:
    found: list[Tensor] = []
    for value in values:
        if isinstance(value, Tensor):
            found.append(value)
        elif isinstance(value, (list, tuple)):
            found.extend([item for item in value if isinstance(item, Tensor)])
    return found


def _widest(tensors: list[Tensor], device: str, lower: DType) -> DType:
    """float32 where one of them is, else the lower precision."""
    kinds = {tensor.dtype for tensor in tensors if _eligible(tensor, device)}
    unknown = kinds - {lower, dtypes.float32}
    if unknown and dtypes.float32 not in kinds:
        raise RuntimeError(
            f"Unexpected floating ScalarType in at::autocast::prioritize: {next(iter(unknown)).name} where autocast "
            f"computes in {lower.name}"
        )
    return dtypes.float32 if dtypes.float32 in kinds else lower


def _device_of(values: Iterable[object], on: dict[str, DType]) -> str:
    """The device type of a tensor that autocast is on for, 'cuda' before 'cpu'; empty where there is none."""
    found = ""
    for value in values:
        if isinstance(value, Tensor):
            kind = value.device.type
        elif isinstance(value, (list, tuple)):
            kind = _device_of(value, on)
        else:
            continue
        if kind in on:
            found = kind
            if kind == "cuda":
                break
    return found


def _policy(op: Op, args: tuple, kwargs: dict[str, Any], on: dict[str, DType]) -> tuple[str, str]:
    """What the op's policy is for these arguments, and on which device type; two empty texts where there is none."""
    device = _device_of((*args, *kwargs.values()) if kwargs else args, on)
    policy = policies(op.name).get(device, "")
    only = ONLY.get((device, op.name))
    if only is not None:
        given = {**op.defaults, **dict(zip(op.names, args, strict=False)), **kwargs}
        names = only.__code__.co_varnames
        if not given.keys() >= set(names) or not only(*[given[name] for name in names]):
            policy = ""  # what is missing is for the op to say
    return policy, device


def _changed(
    op: Op, args: tuple, kwargs: dict[str, Any], policy: str, device: str
) -> tuple[tuple, dict[str, Any]]:
    """The arguments as the policy has them."""
    if policy in REFUSALS:
        raise RuntimeError(REFUSALS[policy])
    if policy == CLOSED:
        return args, kwargs
    if policy == FLOAT32_RESULT:
        return _with_dtype(op, args, kwargs, device)
    dtype = dtypes.float32 if policy in (FLOAT32, FLOAT32_BACK) else autocast.on[device]
    if policy == WIDEST:
        dtype = _widest(_tensors((*args, *kwargs.values())), device, dtype)
    return (
        tuple([cast(arg, dtype, device) for arg in args]),
        {name: cast(value, dtype, device) for name, value in kwargs.items()},
    )


def _with_dtype(op: Op, args: tuple, kwargs: dict[str, Any], device: str) -> tuple[tuple, dict[str, Any]]:
    """The arguments with float32 for the `dtype` that is not given, or with a first one of float32."""
    place = op.places.get("dtype")
    first = _first(op, args, kwargs)
    if not _eligible(first, device):
        return args, kwargs
    if place is None:
        return (cast(first, dtypes.float32, device), *args[1:]), kwargs
    if kwargs.get("dtype") is not None or (place < len(args) and args[place] is not None):
        return args, kwargs
    if place < len(args):
        return (*args[:place], dtypes.float32, *args[place + 1 :]), kwargs
    return args, {**kwargs, "dtype": dtypes.float32}


# ---- what ops run -------------------------------------------------------------------------------------------

_lock = threading.Lock()
_threads = 0  # how many have it on


def _count(change: int) -> None:
    """Note that autocast was switched on, or off, in one thread more; ops run what that needs."""
    global _threads
    with _lock:
        before, _threads = _threads, _threads + change
        if not before or not _threads:
            for op, plain, casting in _runs():
                op.run = casting if _threads else plain


@cache
def _runs() -> list[tuple[Op, Callable, Callable]]:
    """The ops with a policy: what they run while autocast is off everywhere, and else."""
    from tritonnn.table import OPS

    return [_ways(op) for op in OPS.values() if policies(op.name)]


def _ways(op: Op) -> tuple[Op, Callable, Callable]:
    return op, op.run, _composed(op, op.run) if op.kind == "composite" else _called(op.run)


def follow_policy(op: Op) -> None:
    """Have an entry that comes after autocast was first on follow its policy; earlier ones do when it is."""
    said = op.options.get("autocast")
    if said:
        DECLARED[op.name] = said if isinstance(said, dict) else dict.fromkeys(("cpu", "cuda"), said)
    if _runs.cache_info().currsize and policies(op.name):
        with _lock:
            _runs().append(_ways(op))
            if _threads:
                op.run = _runs()[-1][2]


def follow_no_policy(op: Op) -> None:
    """Forget an entry that is taken out of the table."""
    DECLARED.pop(op.name, None)
    if _runs.cache_info().currsize:
        with _lock:
            _runs()[:] = [row for row in _runs() if row[0] is not op]


def _called(run: Callable) -> Callable:
    """What a primitive runs, all of whose arguments are given in order."""

    def cast_and_run(op: Op, args: tuple, out: object = None) -> Any:
        on = autocast.on
        if out is not None:
            return run(op, args, out)
        if on:
            policy, device = _policy(op, args, {}, on)
            if policy:
                first = args[0]
                args, _ = _changed(op, args, {}, policy, device)
                return _given_back(run(op, args), first, policy, device)
        return run(op, args)

    return cast_and_run


def _composed(op: Op, body: Callable) -> Callable:
    """What a composite runs: autocast is off within, as what it is made of is no concern of the policies."""

    def cast_and_run(*args: object, **kwargs: object) -> Any:
        on = autocast.on
        policy, device = _policy(op, args, kwargs, on) if on else ("", "")
        if not policy:
            return body(*args, **kwargs)
        given = args, kwargs
        if kwargs.get("out") is None:
            args, kwargs = _changed(op, args, kwargs, policy, device)
        autocast.on = {}
        try:
            result = _given_back(body(*args, **kwargs), _first(op, *given), policy, device)
            return (
                _widened(op, result, *given, states) if (states := STATES.get((device, op.name))) else result
            )
        finally:
            autocast.on = on

    return cast_and_run


def _first(op: Op, args: tuple, kwargs: dict[str, Any]) -> Any:
    return args[0] if args else kwargs.get(op.names[0])


def _widened(op: Op, result: Any, args: tuple, kwargs: dict[str, Any], states: Callable[..., tuple]) -> Any:
    """The results, each at least as wide as the state that its call was given."""
    given = {**op.defaults, **dict(zip(op.names, args, strict=False)), **kwargs}
    found = states(*[given[name] for name in states.__code__.co_varnames[: states.__code__.co_argcount]])
    listed = isinstance(result, tuple)
    results = list(result) if listed else [result]
    for k, given_state in enumerate(found):
        if given_state is not None:
            results[k] = results[k].to(dtypes.promote_types(results[k].dtype, given_state.dtype))
    return tuple(results) if listed else results[0]

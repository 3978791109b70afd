"""PyTorch's autocast for CUDA where there is no GPU: its lists, from its headers, put on the CPU's autocast."""

from __future__ import annotations

import contextlib
import re
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch as reference

KEY = "AutocastCPU"
HEADER = Path(reference.__file__).parent / "include" / "ATen" / "autocast_mode.h"


def lists() -> dict[str, list[str]]:
    """Policy -> the ops that it holds for, as in 'pow.Tensor_Scalar'."""
    found = {}
    text = HEADER.read_text(encoding="utf-8")
    for policy, rows in re.findall(r"#define AT_FORALL_(\w+)\(_\)((?:.*\\\n)+.*\n)", text):
        names = re.findall(r"_\((\w+)(?:, (\w+))?\)", rows)
        found[policy] = [f"{name}.{overload}" if overload else name for name, overload in names]
    return {**found, "NORM": ["norm.Scalar", "norm.ScalarOpt_dim"], "BANNED": ["binary_cross_entropy"]}


def overload_of(name: str) -> Any:
    base, _, overload = name.partition(".")
    packet = getattr(reference.ops.aten, base, None)
    return None if packet is None else getattr(packet, overload or "default", None)


def eligible(value: Any) -> bool:
    return (
        isinstance(value, reference.Tensor)
        and value.is_floating_point()
        and value.dtype is not reference.float64
    )


def cast(value: Any, dtype: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return type(value)([cast(item, dtype) for item in value])
    return value.to(dtype) if eligible(value) else value


def tensors(value: Any) -> list[Any]:
    if isinstance(value, (list, tuple)):
        return [found for item in value for found in tensors(item)]
    return [value] if eligible(value) else []


def kernel(policy: str, overload: Any) -> Callable[..., Any]:
    """What an op does under a policy."""

    def run(*args: Any, **kwargs: Any) -> Any:
        lower = reference.get_autocast_dtype("cpu")
        dtype = {"LOWER_PRECISION_FP": lower, "FP32": reference.float32}.get(policy)
        if policy == "BANNED":
            raise RuntimeError("binary_cross_entropy and torch.nn.BCELoss are unsafe to autocast.")
        if policy == "PROMOTE":
            given = {tensor.dtype for tensor in tensors([*args, *kwargs.values()])}
            dtype = reference.float32 if reference.float32 in given else lower
        with reference._C._ExcludeDispatchKeyGuard(
            reference._C.DispatchKeySet(reference._C.DispatchKey.AutocastCPU)
        ):
            if policy == "FP32_SET_OPT_DTYPE":
                if eligible(args[0]) and kwargs.get("dtype") is None:
                    names = [argument.name for argument in overload._schema.arguments]
                    place = names.index("dtype")
                    if place >= len(args) or args[place] is None:
                        args, kwargs = args[:place], {**kwargs, "dtype": reference.float32}
                return named(overload, args, kwargs)
            if policy == "NORM":
                return overload(cast(args[0], reference.float32), *args[1:], **kwargs)
            return overload(
                *cast(args, dtype), **{name: cast(value, dtype) for name, value in kwargs.items()}
            )

    return run


def named(overload: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    """The call, with arguments that are keyword-only given by name."""
    arguments = overload._schema.arguments
    count = sum(not argument.kwarg_only for argument in arguments)
    extra = {argument.name: value for argument, value in zip(arguments[count:], args[count:], strict=False)}
    args = args[:count]
    places = [argument.name for argument in arguments[:count]]
    if "dtype" in kwargs and "dtype" in places:
        args = (*args, *[None] * (places.index("dtype") - len(args)), kwargs.pop("dtype"))
    return overload(*args, **{**extra, **kwargs})


@contextlib.contextmanager
def on_the_cpu() -> Iterator[None]:
    """Within the block, autocast of the CPU is that of CUDA."""
    library = reference.library.Library("aten", "IMPL")
    taken = set()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for policy, names in lists().items():
            for name in names:
                overload = overload_of(name)
                if overload is not None:
                    library.impl(name, kernel(policy, overload), KEY)
                    taken.add(name)
        for full in reference._C._dispatch_get_registrations_for_dispatch_key(KEY):
            name = full.removeprefix("aten::")
            if full.startswith("aten::") and name not in taken:
                library.impl(name, reference.library.fallthrough_kernel, KEY)
    try:
        yield
    finally:
        library._destroy()

"""What stands around the two runs of a checkpoint: selective ones keep results of operators, traces note the calls."""

from __future__ import annotations

import enum
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from tritonnn import dispatch
from tritonnn._tensor import Tensor
from tritonnn.ops._namespaces import OpOverload, namespace
from tritonnn.utils._python_dispatch import TorchDispatchMode


class CheckpointPolicy(enum.Enum):
    """What a selective checkpoint does with the result of an operator: keep it, or compute it again in backward.

    The library does as MUST and PREFER say alike. What is offloaded lies in host memory in between.
    """

    MUST_SAVE = 0
    PREFER_SAVE = 1
    MUST_RECOMPUTE = 2
    PREFER_RECOMPUTE = 3
    MUST_CPU_OFFLOAD = 4
    PREFER_CPU_OFFLOAD = 5


_SAVED = (CheckpointPolicy.MUST_SAVE, CheckpointPolicy.PREFER_SAVE)
_OFFLOADED = (CheckpointPolicy.MUST_CPU_OFFLOAD, CheckpointPolicy.PREFER_CPU_OFFLOAD)


class SelectiveCheckpointContext:
    """What a policy is told beside the operator and its arguments.

    Args:
        is_recompute: whether it is the second run; a policy is asked in the first one.
        op_output: what the operator returned.
    """

    def __init__(self, *, is_recompute: bool, op_output: Any = None) -> None:
        self.is_recompute, self.op_output = is_recompute, op_output


#: operators of which a policy is not asked
SAC_IGNORED_OPS: set[OpOverload] = {namespace("aten").detach.default}

Policy = Callable[..., Any]
_RECOMPUTED, _TAKEN = object(), object()


def create_selective_checkpoint_contexts(
    policy_fn_or_list: Policy | Sequence[OpOverload], allow_cache_entry_mutation: bool = False
) -> tuple[TorchDispatchMode, TorchDispatchMode]:
    """Contexts of a checkpoint that keeps the results of some operators instead of computing them again.

    Args:
        policy_fn_or_list: operators whose results are kept, or a function of (`SelectiveCheckpointContext`, operator,
            its arguments) that returns a `CheckpointPolicy`, or whether the result is kept. Views and what writes in
            place are always computed again.
        allow_cache_entry_mutation: take a kept result that was written in place as it is; else that is an error.

    Example:
        >>> import tritonnn as torch
        >>> from functools import partial
        >>> from tritonnn.utils.checkpoint import checkpoint, create_selective_checkpoint_contexts
        >>> kept = partial(create_selective_checkpoint_contexts, [torch.ops.aten.mm.default])
        >>> x = torch.ones(2, 2, requires_grad=True)
        >>> checkpoint(lambda t: (t @ t).exp(), x, use_reentrant=False, context_fn=kept).sum().backward()
    """
    if isinstance(policy_fn_or_list, (list, tuple)):
        for op in policy_fn_or_list:
            if not isinstance(op, OpOverload):
                packet = " Hint: give an overload of it, such as .default" if hasattr(op, "overloads") else ""
                raise ValueError(
                    f"Expected op in `op_list` to be an OpOverload but got: {op} of type {type(op)}.{packet}"
                )
        kept = frozenset(policy_fn_or_list)
        policy: Policy = lambda ctx, op, *args, **kwargs: op in kept
    elif callable(policy_fn_or_list):
        policy = policy_fn_or_list
    else:
        raise TypeError(
            "policy_fn_or_list must be either a function or a list of ops. Got "
            f"{type(policy_fn_or_list).__name__}"
        )
    results: dict[OpOverload, list] = defaultdict(list)
    return _Keeping(policy, results), _Giving(results, allow_cache_entry_mutation)


class _Kept:
    """A tensor that was kept, on the device where it waits, and the version it then had."""

    def __init__(self, tensor: Tensor, offloaded: bool) -> None:
        self.tensor, self.device = tensor.detach(), tensor.device
        if offloaded:
            self.tensor = self.tensor.cpu()
        self.version = self.tensor._version

    def get(self, mutated: bool) -> Tensor:
        if self.tensor._version != self.version and not mutated:
            raise RuntimeError("Tensor cached during selective activation checkpoint has been mutated")
        return self.tensor.to(self.device)


class _Keeping(TorchDispatchMode):
    """The first run: keeps what the policy says."""

    def __init__(self, policy: Policy, results: dict[OpOverload, list]) -> None:
        self.policy, self.results = policy, results

    def _ask(self, call: dispatch.TableCall, func: OpOverload, args: tuple, kwargs: dict) -> Any:
        result = call()
        if func in SAC_IGNORED_OPS:
            return result
        answer = self.policy(
            SelectiveCheckpointContext(is_recompute=False, op_output=result), func, *args, **kwargs
        )
        if not (answer is None or isinstance(answer, (bool, CheckpointPolicy))):
            raise TypeError(
                f"policy_fn returned {type(answer).__name__} for {func}; expected CheckpointPolicy or bool"
            )
        kept = answer is True or answer in _SAVED or answer in _OFFLOADED
        if kept and call.run.__name__ in ("call", "pointwise") and call.out is None:
            several = isinstance(result, tuple)
            parts = [_Kept(part, answer in _OFFLOADED) for part in (result if several else (result,))]
            self.results[func].append((several, parts))
        else:
            self.results[func].append(_RECOMPUTED)
        return result


class _Giving(TorchDispatchMode):
    """The second run: gives what was kept."""

    def __init__(self, results: dict[OpOverload, list], mutated: bool) -> None:
        self.results, self.mutated = results, mutated
        self.counts: dict[OpOverload, int] = defaultdict(int)

    def __enter__(self) -> TorchDispatchMode:
        self.counts.clear()
        return super().__enter__()

    def _ask(self, call: dispatch.TableCall, func: OpOverload, args: tuple, kwargs: dict) -> Any:
        if func in SAC_IGNORED_OPS:
            return call()
        place = self.counts[func]
        self.counts[func] += 1
        known = self.results.get(func, [])
        if place >= len(known):
            raise RuntimeError(
                f"{func} was called {place + 1} times while it was computed again, and {len(known)} times in the "
                "first run: the checkpointed function has to do the same both times. Hint: it may draw random "
                "numbers, or depend on something that changed between forward and backward"
            )
        found = known[place]
        if found is _RECOMPUTED:
            return call()
        if found is _TAKEN:
            raise RuntimeError(
                "Trying to backward an extra time. You are only allowed to backward once on any region computed "
                "under selective activation checkpoint."
            )
        several, parts = found
        known[place] = _TAKEN
        values = tuple([part.get(self.mutated) for part in parts])
        return dispatch.answered(call, lambda: values if several else values[0])


class Trace(TorchDispatchMode):
    """Notes the operators that a run calls, with the types and shapes of their arguments."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def __enter__(self) -> TorchDispatchMode:
        self.lines.clear()
        return super().__enter__()

    def _ask(self, call: dispatch.TableCall, func: OpOverload, args: tuple, kwargs: dict) -> Any:
        given = [_shown(arg) for arg in args] + [f"{name}={_shown(value)}" for name, value in kwargs.items()]
        self.lines.append(f"torch.ops.{func}({', '.join(given)})")
        return call()


def _shown(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"{value.dtype.name}{list(value.shape)}"
    if value.__class__ in (list, tuple):
        return f"[{', '.join([_shown(item) for item in value])}]"
    return repr(value)

"""Random numbers inside `vmap`: refused, other ones for each sample, or the same for all."""

from __future__ import annotations

from collections.abc import Callable

from tritonnn._levels import SHARED_RANDOMNESS, Batched, Level, batched, batching, below, state
from tritonnn._tensor import Tensor
from tritonnn.batching.values import front
from tritonnn.dispatch import allocate
from tritonnn.shape import Size


def allowed(number: int) -> str:
    """What the `vmap` of a level allows."""
    return next((level.randomness for level in state.whole if level.number == number), "error")


def _check(level: Level) -> None:
    if level.randomness == "error":
        raise RuntimeError(
            "vmap: called random operation while in randomness error mode. Please either use the 'same' or 'different' "
            "randomness flags on vmap or perform the randomness operation out of vmap"
        )


def draw(run: Callable[[Tensor], Tensor], target: Tensor, fresh: bool) -> Tensor:
    """Fill a tensor with random numbers; one that is `fresh` may become another that is batched.

    Args:
        run: what fills a tensor that is not batched.
    """
    levels = batching()
    if not levels:
        return run(target)
    level = levels[-1]
    _check(level)
    assert level.size is not None
    is_batched = target.__class__ is Batched and target.level == level.number
    if level.randomness == "same":
        with below(level.number):
            if not is_batched:
                return draw(run, target, fresh)
            one = draw(run, allocate(target._shape, target._dtype, target._device), True)
            target.value.copy_(front(one, False, level.size))  # type: ignore[attr-defined]
        return target
    if is_batched:
        with below(level.number):
            draw(run, target.value, fresh)  # type: ignore[attr-defined]
        return target
    if not fresh:
        raise RuntimeError(SHARED_RANDOMNESS)
    with below(level.number):
        wide = allocate(Size((level.size, *target._shape)), target._dtype, target._device)
        return batched(draw(run, wide, True), level.number)


def unsure(input: Tensor, own: bool = False) -> tuple[Tensor, int]:
    """What a random function of `input` is given instead, and how many samples it draws for.

    Args:
        own: whether what it draws depends on the values, so that it cannot be the same for samples that differ.
    """
    times = 1
    for level in batching():
        _check(level)
        assert level.size is not None
        is_batched = _has(input, level.number)
        if level.randomness == "different":
            times *= level.size
            if not is_batched:
                with below(level.number + 1):
                    input = _batched_at(input, level)
        elif own and is_batched:
            raise RuntimeError(
                "Vmap does not currently support same randomness with a batched tensor input. Please rewrite your "
                "program to use randomness='different'"
            )
    return input, times


def _has(tensor: Tensor, number: int) -> bool:
    while tensor.__class__ is Batched:
        if tensor.level == number:
            return True
        tensor = tensor.value
    return False


def _batched_at(input: Tensor, level: Level) -> Tensor:
    from tritonnn.batching.values import materialized, sampled

    assert level.size is not None
    return sampled(materialized(input, level.number, level.size), level.number)

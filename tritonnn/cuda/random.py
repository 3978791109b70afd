"""Random state of the GPUs. A GPU draws from a generator of its own; one seed gives the same numbers as on
the CPU."""

from __future__ import annotations

from typing import Any

from tritonnn.cuda._devices import device_count, device_index
from tritonnn.device import device as Device
from tritonnn.runtime.interface import runtime

__all__ = [
    "get_rng_state", "get_rng_state_all", "initial_seed", "manual_seed", "manual_seed_all", "seed",
    "seed_all", "set_rng_state", "set_rng_state_all",
]  # fmt: skip


def generator(index: int) -> Any:
    """The generator that a GPU's random ops draw from.

    Args:
        index: of the GPU.

    Raises:
        RuntimeError: there is no such GPU.

    >>> import tritonnn as torch
    >>> if torch.cuda.is_available():
    ...     assert torch.cuda.random.generator(0).device.type == "cuda"
    """
    from tritonnn import random

    return random.generator_for(Device("cuda", runtime().check(index)))


def get_rng_state(device: Device | int | str = "cuda") -> Any:
    """The state of a GPU's generator as a uint8 tensor on the CPU.

    Args:
        device: the GPU, by index, name or `torch.device`; default: the current one.

    Raises:
        RuntimeError: there is no such GPU.

    >>> import tritonnn as torch
    >>> if torch.cuda.is_available():
    ...     state = torch.cuda.get_rng_state()
    ...     a = torch.rand(3, device="cuda")
    ...     torch.cuda.set_rng_state(state)
    ...     assert torch.equal(torch.rand(3, device="cuda"), a)
    """
    return generator(device_index(device)).get_state()


def get_rng_state_all() -> list[Any]:
    """The states of all GPUs' generators.

    >>> import tritonnn as torch
    >>> len(torch.cuda.get_rng_state_all()) == torch.cuda.device_count()
    True
    """
    return [generator(i).get_state() for i in range(device_count())]


def set_rng_state(new_state: Any, device: Device | int | str = "cuda") -> None:
    """Set the state of a GPU's generator from what `get_rng_state` returned.

    Args:
        new_state: a uint8 tensor on the CPU.
        device: the GPU, by index, name or `torch.device`; default: the current one.

    Raises:
        RuntimeError: there is no such GPU.

    >>> import tritonnn as torch
    >>> if torch.cuda.is_available():
    ...     torch.cuda.set_rng_state(torch.cuda.get_rng_state())
    """
    generator(device_index(device)).set_state(new_state)


def set_rng_state_all(new_states: Any) -> None:
    """Set the states of the GPUs' generators, the first for the first GPU and so on.

    Args:
        new_states: what `get_rng_state_all` returned.

    >>> import tritonnn as torch
    >>> torch.cuda.set_rng_state_all(torch.cuda.get_rng_state_all())
    """
    for i, state in enumerate(new_states):
        generator(i).set_state(state)


def manual_seed(seed: int) -> None:
    """Seed the current GPU's generator; does nothing without a GPU.

    Args:
        seed: a whole number.

    >>> import tritonnn as torch
    >>> torch.cuda.manual_seed(1)
    >>> if torch.cuda.is_available():
    ...     assert torch.cuda.initial_seed() == 1
    """
    seed = int(seed)
    if runtime().is_available():
        generator(runtime().current_device()).manual_seed(seed)


def manual_seed_all(seed: int) -> None:
    """Seed the generators of all GPUs; does nothing without one.

    Args:
        seed: a whole number.

    >>> import tritonnn as torch
    >>> torch.cuda.manual_seed_all(1)
    """
    seed = int(seed)
    for i in range(device_count()):
        generator(i).manual_seed(seed)


def seed() -> None:
    """Seed the current GPU's generator with a number that nobody chose.

    >>> import tritonnn as torch
    >>> torch.cuda.seed()
    """
    if runtime().is_available():
        generator(runtime().current_device()).seed()


def seed_all() -> None:
    """Seed the generators of all GPUs with one number that nobody chose.

    >>> import tritonnn as torch
    >>> torch.cuda.seed_all()
    """
    if device_count():
        manual_seed_all(generator(0).seed())


def initial_seed() -> int:
    """The seed of the current GPU's generator.

    Raises:
        RuntimeError: there is no such GPU.

    >>> import tritonnn as torch
    >>> if torch.cuda.is_available():
    ...     torch.cuda.manual_seed(7)
    ...     assert torch.cuda.initial_seed() == 7
    """
    return generator(runtime().current_device()).initial_seed()

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
    """The generator that a GPU's random ops draw from."""
    from tritonnn import random

    return random.generator_for(Device("cuda", runtime().check(index)))


def get_rng_state(device: Device | int | str = "cuda") -> Any:
    """The state of a GPU's generator as a uint8 tensor on the CPU."""
    return generator(device_index(device)).get_state()


def get_rng_state_all() -> list[Any]:
    """The states of all GPUs' generators."""
    return [generator(i).get_state() for i in range(device_count())]


def set_rng_state(new_state: Any, device: Device | int | str = "cuda") -> None:
    """Set the state of a GPU's generator from what `get_rng_state` returned."""
    generator(device_index(device)).set_state(new_state)


def set_rng_state_all(new_states: Any) -> None:
    """Set the states of the GPUs' generators, the first for the first GPU and so on."""
    for i, state in enumerate(new_states):
        generator(i).set_state(state)


def manual_seed(seed: int) -> None:
    """Seed the current GPU's generator; does nothing without a GPU."""
    if runtime().is_available():
        generator(runtime().current_device()).manual_seed(int(seed))


def manual_seed_all(seed: int) -> None:
    """Seed the generators of all GPUs; does nothing without one."""
    for i in range(device_count()):
        generator(i).manual_seed(int(seed))


def seed() -> None:
    """Seed the current GPU's generator with a number that nobody chose."""
    if runtime().is_available():
        generator(runtime().current_device()).seed()


def seed_all() -> None:
    """Seed the generators of all GPUs with one number that nobody chose."""
    if device_count():
        manual_seed_all(generator(0).seed())


def initial_seed() -> int:
    """The seed of the current GPU's generator."""
    return generator(runtime().current_device()).initial_seed()

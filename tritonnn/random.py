"""Generators of random numbers: a seed and an offset into the Philox stream of that seed.

One seed gives the same numbers on every device. Each device has a default generator; all start from the same seed.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from operator import index
from typing import Any

import numpy as np

from tritonnn._tensor import Tensor, from_array
from tritonnn.device import DeviceLike
from tritonnn.device import device as Device
from tritonnn.dtypes import uint8
from tritonnn.errors import warn

DEFAULT_SEED = 67280421310721
_STATE = struct.Struct("<QQ")


class _Place:
    """The seed of a stream and the words of it that are used up; generators may share one."""

    __slots__ = ("offset", "seed")

    def __init__(self) -> None:
        self.seed = DEFAULT_SEED
        self.offset = 0  # in 32-bit words, a multiple of 4


class Generator:
    """A place in a stream of random numbers.

    Args:
        device: the device whose tensors it fills (any device gives the same numbers).

    >>> import tritonnn as torch
    >>> g = torch.Generator().manual_seed(7)
    >>> a = torch.rand(2, generator=g)
    >>> torch.equal(a, torch.rand(2, generator=g.manual_seed(7)))
    True
    """

    def __init__(self, device: DeviceLike | None = None) -> None:
        self.device = Device("cpu" if device is None else device)
        self._place = _Place()
        self._graph: Any = None  # the CUDA graph that is being captured with this generator

    def reserve(self, words: int) -> tuple[int, int]:
        """(seed, offset) of the next `words` 32-bit words, which are then used up."""
        place = self._place.seed, self._place.offset
        if self._graph is not None:
            place = self._graph.seed(self._place.seed), self._place.offset
        elif captures and self.device.type == "cuda":
            _refuse_in_capture()
        self._place.offset += (words + 3) // 4 * 4
        return place

    def manual_seed(self, seed: int) -> Generator:
        """Start the stream of `seed` from its beginning; a negative seed counts from 2**64."""
        if not hasattr(seed, "__index__") or isinstance(seed, (bool, Tensor)):
            raise RuntimeError(f"manual_seed expected a long, but got {type(seed).__name__}")
        seed = index(seed)
        if not -(1 << 63) <= seed < 1 << 64:
            raise ValueError(
                f"Overflow when unpacking long long: the seed must lie in [-2**63, 2**64), got {seed}"
            )
        self._place.seed, self._place.offset = seed % (1 << 64), 0
        return self

    def seed(self) -> int:
        """Take a seed from the operating system; returns it."""
        import secrets

        self.manual_seed(secrets.randbits(63))
        return self._place.seed

    def initial_seed(self) -> int:
        """The seed of the stream.

        >>> import tritonnn as torch
        >>> torch.manual_seed(3) and torch.initial_seed()
        3
        """
        return self._place.seed

    def get_offset(self) -> int:
        """32-bit words used so far."""
        return self._place.offset

    def set_offset(self, offset: int) -> None:
        """Go to a place in the stream, in 32-bit words, a multiple of 4."""
        if offset < 0 or offset % 4:
            raise RuntimeError(f"offset must be a non-negative multiple of 4, got {offset}")
        self._place.offset = offset

    def get_state(self) -> Tensor:
        """Seed and offset as a uint8 tensor on the CPU."""
        packed = bytearray(_STATE.pack(self._place.seed, self._place.offset))
        return from_array(np.frombuffer(packed, np.uint8), uint8)

    def set_state(self, new_state: Tensor) -> Generator:
        """Go to the place that `get_state` returned."""
        if not isinstance(new_state, Tensor) or new_state.dtype is not uint8:
            raise TypeError("expected a torch.ByteTensor, as get_state() returns it")
        raw = bytes(new_state.cpu().numpy())
        if len(raw) != _STATE.size:
            raise RuntimeError(f"RNG state is wrong size: expected {_STATE.size} bytes, got {len(raw)}")
        self._place.seed, self._place.offset = _STATE.unpack(raw)
        return self

    def clone_state(self) -> Generator:
        """Another generator at the same place."""
        generator = Generator(self.device)
        generator._place.seed, generator._place.offset = self._place.seed, self._place.offset
        return generator

    def graphsafe_get_state(self) -> Generator:
        """Another generator that moves with this one; of GPUs only, as the state of a CPU's is a tensor."""
        self._of_gpu("graphsafe_get_state")
        generator = Generator(self.device)
        generator._place = self._place
        return generator

    def graphsafe_set_state(self, state: Generator) -> Generator:
        """Move with the generator that `graphsafe_get_state` returned from now on."""
        self._of_gpu("graphsafe_set_state")
        if not isinstance(state, Generator):
            raise TypeError(f"graphsafe_set_state expected a Generator, but got {type(state).__name__}")
        self._place = state._place
        return self

    def _of_gpu(self, name: str) -> None:
        if self.device.type == "cpu":
            raise NotImplementedError(f"{name} is not supported in this Generator: it is the CPU's")

    def __setstate__(self, state: tuple) -> None:
        """Of a generator that PyTorch pickled, whose own numbers are others: the beginning of the seed's numbers."""
        seed, *_ = state
        warn("the state of a generator that PyTorch saved is of other numbers: it starts anew from its seed")
        self.manual_seed(seed)

    def __reduce__(self) -> tuple:
        return _rebuild, (str(self.device), self._place.seed, self._place.offset)


captures = 0  # CUDA graphs being captured, in any thread


def _refuse_in_capture() -> None:
    from tritonnn.runtime.interface import runtime

    if runtime().is_capturing():
        raise RuntimeError(
            "a generator is used inside a CUDA graph that does not know it: its numbers would be the same at every "
            "replay. Call graph.register_generator_state(generator) before the capture."
        )


def _rebuild(device: str, seed: int, offset: int) -> Generator:
    generator = Generator(device)
    generator._place.seed, generator._place.offset = seed, offset
    return generator


default_generator = Generator()
_generators: dict[Device, Generator] = {default_generator.device: default_generator}


def generator_for(device: Device) -> Generator:
    """The default generator of a device."""
    generator = _generators.get(device)
    if generator is None:
        generator = _generators[device] = Generator(device)
        generator.manual_seed(_last_seed)
    return generator


_last_seed = DEFAULT_SEED


def manual_seed(seed: int) -> Generator:
    """Seed the default generators of all devices; returns the CPU's.

    >>> import tritonnn as torch
    >>> a = torch.manual_seed(0) and torch.rand(1)
    >>> b = torch.manual_seed(0) and torch.rand(1)
    >>> torch.equal(a, b)
    True
    """
    global _last_seed
    default_generator.manual_seed(int(seed))
    _last_seed = default_generator.initial_seed()
    for generator in _generators.values():
        generator.manual_seed(_last_seed)
    return default_generator


def seed() -> int:
    """Seed all default generators with a number from the operating system; returns it.

    >>> import tritonnn as torch
    >>> torch.seed() == torch.initial_seed()
    True
    """
    import secrets

    number = secrets.randbits(63)
    manual_seed(number)
    return number


def initial_seed() -> int:
    """The seed of the CPU's default generator.

    >>> import tritonnn as torch
    >>> _ = torch.manual_seed(5)
    >>> torch.initial_seed()
    5
    """
    return default_generator.initial_seed()


def get_rng_state() -> Tensor:
    """The state of the CPU's default generator.

    >>> import tritonnn as torch
    >>> state = torch.get_rng_state()
    >>> a = torch.rand(1)
    >>> torch.set_rng_state(state)
    >>> torch.equal(torch.rand(1), a)
    True
    """
    return default_generator.get_state()


def set_rng_state(new_state: Tensor) -> None:
    """Set the state of the CPU's default generator.

    >>> import tritonnn as torch
    >>> torch.set_rng_state(torch.get_rng_state())
    """
    default_generator.set_state(new_state)


def _generator_of(device: Device) -> Generator:
    """The default generator of a device that is there."""
    from tritonnn.runtime.interface import runtime

    if device.type == "cuda":
        index = runtime().current_device() if device.index is None else runtime().check(device.index)
        return generator_for(Device("cuda", index))
    if device.type != "cpu":
        raise RuntimeError(f"fork_rng: tritonnn has no backend for the device {device.type}")
    return default_generator


@contextmanager
def fork_rng(
    devices: Iterable[Any] | None = None, enabled: bool = True, device_type: str = "cuda"
) -> Iterator[None]:
    """Restore the generator of the CPU, and those of other devices, at the end of the block.

    Args:
        devices: indices, names or devices; default: all of the type.
        enabled: False restores nothing.
        device_type: of the devices given by index; 'meta', which draws no numbers, restores nothing.

    Raises:
        RuntimeError: no device type, or no such device.

    >>> import tritonnn as torch
    >>> state = torch.get_rng_state()
    >>> with torch.random.fork_rng():
    ...     _ = torch.rand(5)
    >>> torch.equal(torch.get_rng_state(), state)
    True
    """
    kind = Device(device_type).type
    if kind not in ("cpu", "cuda", "meta", "mps", "mtia", "xpu"):
        raise RuntimeError(
            f"Device '{kind}' does not have a corresponding module registered as 'torch.{kind}'."
        )
    if kind == "meta" or not enabled:
        yield
        return
    chosen = {default_generator}
    if devices is None:
        chosen |= {g for d, g in _generators.items() if d.type == kind}
    else:
        chosen |= {_generator_of(Device(kind, d) if isinstance(d, int) else Device(d)) for d in devices}
    before = [(g, g._place.seed, g._place.offset) for g in chosen]
    known, start = set(_generators), _last_seed
    try:
        yield
    finally:
        if devices is None:  # a device that is first used in the block begins anew after it
            before += [(g, start, 0) for d, g in _generators.items() if d.type == kind and d not in known]
        for generator, number, offset in before:
            generator._place.seed, generator._place.offset = number, offset


def thread_safe_generator() -> Generator | None:
    """The generator of a `DataLoader`'s worker thread; None outside one, as everywhere here: workers are processes.

    >>> import tritonnn as torch
    >>> torch.thread_safe_generator() is None
    True
    """
    return None

"""Tensor descriptors made on the host: what the copy engine needs to know of a matrix to move whole tiles of it.

A kernel that makes its own descriptors needs scratch memory from the host and has every program write them
before it starts. Made on the host they are 128 bytes among the arguments; for memory met before they are
kept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from triton.tools.tensor_descriptor import TensorDescriptor

MAPS_KEPT = 64  # addresses of one argument of one plan


class Address:
    """Memory without an owner, as Triton takes pointers."""

    __slots__ = ("dtype", "ptr")

    def __init__(self, ptr: int, dtype: Any) -> None:
        self.ptr = ptr
        self.dtype = dtype

    def data_ptr(self) -> int:
        """Address, under the name Triton asks for."""
        return self.ptr


class Tiles:
    """Stands in a plan for a descriptor over the buffer that is the argument of that number.

    Args:
        index: number of the argument.
        dtype: of its elements.
        shape: extents; the memory starts at a multiple of 16 bytes.
        strides: in elements: multiples of 16 bytes, the last one 1.
        block: extents of a tile.
    """

    __slots__ = ("block", "dtype", "index", "shape", "strides")

    def __init__(
        self, index: int, dtype: Any, shape: tuple[int, ...], strides: tuple[int, ...], block: tuple[int, ...]
    ) -> None:
        self.index = index
        self.dtype = dtype
        self.shape = shape
        self.strides = strides
        self.block = block

    def pick(self, values: Any) -> TensorDescriptor:
        """The descriptor for a call's arguments, which are Buffers or addresses."""
        base = values[self.index]
        if type(base) is int:
            base = Address(base, self.dtype)
        return TensorDescriptor(base, list(self.shape), list(self.strides), list(self.block))


Launcher = Callable[[int, tuple, list], None]


class Described:
    """Launches a kernel some of whose arguments are descriptors, given (stream, grid, all arguments).

    Args:
        launch: the launcher, which takes every descriptor as its map, extents and strides.
        metadata: of each descriptor, from the compiled kernel; none where the hardware has no descriptors.
    """

    __slots__ = ("_launch", "_metadata")

    def __init__(self, launch: Launcher, metadata: list[Any] | None) -> None:
        self._launch = launch
        self._metadata = metadata or []

    def __call__(self, stream: int, grid: tuple, args: list) -> None:
        given: list[Any] = []
        number = 0
        for a in args:
            if type(a) is TensorDescriptor:
                # numbered among the descriptors: so Triton lists their metadata
                given += self.encoded(a, number)
                number += 1
            else:
                given.append(a)
        self._launch(stream, grid, given)

    def encoded(self, descriptor: TensorDescriptor, number: int) -> list[Any]:
        """What the launcher takes for the descriptor of that number."""
        from triton.backends.nvidia.driver import make_tensordesc_arg

        metadata = self._metadata[number] if self._metadata else None
        # Triton 3.6 takes two arguments, 3.9 three
        rest = (None,) * (make_tensordesc_arg.__code__.co_argcount - 2)
        return make_tensordesc_arg(descriptor, metadata, *rest)

    def opened(self, args: list, filling: list) -> tuple[Launcher, list, list]:
        """For launches of a plan: the launcher within, its arguments with Tiles taken apart, and what to fill in.

        Args:
            args: of the plan, constants included.
            filling: position and picker of what every call gives.
        """
        if not self._metadata:
            return self, args, filling
        pickers = dict(filling)
        taken: list[Any] = []
        places: list[tuple[int, Callable[[Any], Any]]] = []
        number = 0
        for at, a in enumerate(args):
            if type(a) is Tiles:
                places.append((len(taken), _Maps(self, number, a)))
                # the map comes with every call's address; extents and strides are the plan's
                taken += [None, *a.shape, *a.strides]
                number += 1
                continue
            if at in pickers:
                places.append((len(taken), pickers[at]))
            taken.append(a)
        return self._launch, taken, places


class _Maps:
    """Picks the encoded descriptor of a call's address; what was encoded before is kept."""

    __slots__ = ("_kept", "_kernel", "_number", "_tiles")

    def __init__(self, kernel: Described, number: int, tiles: Tiles) -> None:
        self._kernel = kernel
        self._number = number
        self._tiles = tiles
        self._kept: dict[int, Any] = {}

    def __call__(self, values: Any) -> Any:
        ptr = values[self._tiles.index]
        encoded = self._kept.get(ptr)
        if encoded is None:
            if len(self._kept) >= MAPS_KEPT:
                # all at once: keeping an order of use would cost more than encoding anew
                self._kept.clear()
            encoded = self._kept[ptr] = self._kernel.encoded(self._tiles.pick(values), self._number)[0]
        return encoded

"""Plans of cuFFT, kept for the next transform of the same geometry."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from tritonnn.kernels.libraries._loading import call
from tritonnn.runtime.interface import runtime

LARGEST = 4096  # as many plans as PyTorch keeps


class Side(NamedTuple):
    """How the numbers of one side of a transform lie: number x of transform b at `b dist + x stride`.

    Of several dimensions x is the row-major place in an array of the extents `embed`.
    """

    embed: tuple[int, ...]
    stride: int
    dist: int


class Geometry(NamedTuple):
    """All that a plan depends on."""

    sizes: tuple[int, ...]
    input: Side
    output: Side
    kind: int
    batch: int


class Plans:
    """The plans of one device, the least recently used of which goes first."""

    def __init__(self) -> None:
        self.largest = LARGEST
        self._kept: OrderedDict[Geometry, tuple[int, int]] = OrderedDict()
        self._captured: set[int] = set()  # plans whose memory a CUDA graph reads at every replay
        self._lock = threading.RLock()  # reentrant: freeing memory may run finalizers that transform

    def __len__(self) -> int:
        return len(self._kept)

    def resize(self, largest: int) -> None:
        """Keep at most so many."""
        with self._lock:
            self.largest = largest
            self._shrink()

    def clear(self) -> None:
        """Drop all."""
        with self._lock:
            while self._kept:
                self._drop()

    @contextmanager
    def use(self, geometry: Geometry) -> Iterator[tuple[int, int]]:
        """A plan and the bytes of workspace that it needs; nobody else uses it meanwhile."""
        with self._lock:
            plan = self._kept.pop(geometry, None)
            plan = self._kept[geometry] = plan or _made(geometry)
            if runtime().thread.capture is not None:
                self._captured.add(plan[0])
            try:
                yield plan
            finally:
                self._shrink()

    def _shrink(self) -> None:
        while len(self._kept) > self.largest:
            self._drop()

    def _drop(self) -> None:
        _, (plan, _) = self._kept.popitem(last=False)
        if plan not in self._captured:
            call("cufft", "destroy", plan)


def _made(geometry: Geometry) -> tuple[int, int]:
    plan = call("cufft", "create")
    sizes, (inembed, istride, idist), (onembed, ostride, odist), kind, batch = geometry
    try:
        call("cufft", "set_auto_allocation", plan, 0)  # the workspace is ours
        nbytes = call(
            "cufft", "make_plan_many64", plan, len(sizes), sizes, inembed, istride, idist, onembed, ostride, odist,
            kind, batch,
        )  # fmt: skip
    except RuntimeError:
        call("cufft", "destroy", plan)
        raise
    return plan, int(nbytes)


_by_device: dict[int, Plans] = {}


def plans(index: int) -> Plans:
    """The plans of a device."""
    return _by_device.setdefault(index, Plans())

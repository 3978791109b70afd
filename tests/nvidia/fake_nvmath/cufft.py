"""A double of nvmath.bindings.cufft."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from fake_nvmath._binding import binding, device, fails, numbers, queue, ruin
from tritonnn.runtime.interface import runtime

# cufftType -> types of input and output
TYPES = {
    0x2A: (np.float32, np.complex64), 0x2C: (np.complex64, np.float32), 0x29: (np.complex64, np.complex64),
    0x6A: (np.float64, np.complex128), 0x6C: (np.complex128, np.float64), 0x69: (np.complex128, np.complex128),
}  # fmt: skip


@dataclass
class _Plan:
    stream: int | None = None
    area: int | None = None
    automatic: int = 1
    made: tuple[Any, ...] = ()
    nbytes: int = 0


plans: dict[int, _Plan] = {}


def _plan(plan: int) -> _Plan:
    fails("CUFFT_INVALID_PLAN", plan not in plans)
    return plans[plan]


@binding("cufft", "")
def create() -> int:
    plan = next(numbers)
    plans[plan] = _Plan()
    return plan


@binding("cufft", "int plan")
def destroy(plan: int) -> None:
    _plan(plan)
    del plans[plan]


@binding("cufft", "int plan, int auto_allocate")
def set_auto_allocation(plan: int, automatic: int) -> None:
    assert not _plan(plan).made, "before the plan is made"
    _plan(plan).automatic = automatic


@binding("cufft", "int plan, intptr_t stream")
def set_stream(plan: int, stream: int) -> None:
    _plan(plan).stream = stream


@binding("cufft", "int plan, intptr_t work_area")
def set_work_area(plan: int, area: int) -> None:
    assert not _plan(plan).automatic, "of plans without a workspace of their own"
    _plan(plan).area = area


@binding("cufft", "int plan, int rank, n, inembed, long long istride, long long idist, onembed, long long ostride, "
                  "long long odist, int type, long long batch")  # fmt: skip
def make_plan_many64(
    plan: int, rank: int, n: Any, inembed: Any, istride: int, idist: int, onembed: Any, ostride: int, odist: int,
    kind: int, batch: int,
) -> int:  # fmt: skip
    found = _plan(plan)
    fails("CUFFT_INVALID_PLAN", bool(found.made))
    fails("CUFFT_INVALID_TYPE", kind not in TYPES)
    assert len(n) == len(inembed) == len(onembed) == rank
    fails("CUFFT_INVALID_SIZE", rank not in (1, 2, 3) or batch < 1 or min(istride, idist, ostride, odist) < 1)
    found.made = (tuple(n), (inembed, istride, idist), (onembed, ostride, odist), kind, batch)
    found.nbytes = 16 * prod(n) * batch + 40
    return found.nbytes


def _places(sizes: tuple[int, ...], side: tuple[Any, int, int], batch: int) -> np.ndarray:
    """Where each number of each transform lies, in elements."""
    embed, stride, dist = side
    place = np.zeros(sizes, np.int64)
    for axis, size in enumerate(sizes):
        assert axis == 0 or embed[axis] >= size, "rows are longer than the array that they lie in"
        along = np.arange(size).reshape([-1 if d == axis else 1 for d in range(len(sizes))])
        place = place + along * prod(embed[axis + 1 :])
    return np.arange(batch).reshape(-1, *[1] * len(sizes)) * dist + place * stride


def _run(plan: int, kinds: tuple[int, ...], source: int, target: int, direction: int) -> None:
    found = _plan(plan)
    sizes, one, other, kind, batch = found.made
    fails("CUFFT_INVALID_TYPE", kind not in kinds)
    current = runtime().current_stream(runtime().thread.device)
    assert found.stream == current and found.area, "on the current stream, with a workspace"
    area = found.area
    half = (*sizes[:-1], sizes[-1] // 2 + 1)
    given, result = TYPES[kind]
    real_in, real_out = np.dtype(given).kind == "f", np.dtype(result).kind == "f"
    axes = tuple(range(1, len(sizes) + 1))
    for ptr in (source, target):
        assert ptr % (2 * np.dtype(given if real_in else result if real_out else given).itemsize // (
            1 if real_in or real_out else 2)) == 0, "numbers are read in pairs"  # fmt: skip

    def work() -> None:
        ruin(area, found.nbytes)
        here = _places(half if real_out else sizes, one, batch)
        there = _places(half if real_in else sizes, other, batch)
        memory = device(source, int(here.max()) + 1, given)
        x = memory[here]
        if real_in:
            y = np.fft.rfftn(x, axes=axes)
        elif real_out:
            y = np.fft.irfftn(x, sizes, axes) * prod(sizes)
            memory[here] = np.nan  # it may be written over
        else:
            y = np.fft.fftn(x, axes=axes) if direction == -1 else np.fft.ifftn(x, axes=axes) * prod(sizes)
        device(target, int(there.max()) + 1, result)[there] = y

    queue(work)


def _exec(name: str, kind: int, turned: bool) -> None:
    signature = "int plan, intptr_t idata, intptr_t odata" + (", int direction" if turned else "")

    def run(plan: int, source: int, target: int, direction: int = -1) -> None:
        assert direction in (-1, 1)
        _run(plan, (kind,), source, target, direction)

    run.__name__ = name
    globals()[name] = binding("cufft", signature)(run)


for _name, _kind in (
    ("exec_r2c", 0x2A), ("exec_c2r", 0x2C), ("exec_c2c", 0x29), ("exec_d2z", 0x6A), ("exec_z2d", 0x6C),
    ("exec_z2z", 0x69),
):  # fmt: skip
    _exec(_name, _kind, _name in ("exec_c2c", "exec_z2z"))

"""What a binary can reach at best: programs a multiprocessor holds, and the share of its peak that counts allow.

A unit of work keeps each resource of a multiprocessor busy for a number of clocks:

    issue    instructions of warps / slots
    special  special functions x threads of a warp / lanes of the special-function units
    matrix   operations of products / operations the matrix unit does in a clock
    memory   bytes / the multiprocessor's share of the memory's bandwidth

Work is paced by the slowest of them. Its roof is the matrix unit or memory, whichever takes longer, and

    ceiling = clocks of the roof / clocks of the slowest resource

is the share of that roof which no schedule of these instructions exceeds: 1 where the roof itself is slowest. It
takes all resources to overlap perfectly, so it is what is possible and not a prediction of what is reached.
"""

from __future__ import annotations

from collections.abc import Mapping

from tritonnn.kernels.check.architectures import Architecture
from tritonnn.kernels.check.case import Work

ROOFS = ("matrix", "memory")
SCHEDULERS = 4


def clocks(counts: Mapping[str, float], work: Work, arch: Architecture) -> dict[str, float]:
    """Clocks for which a unit keeps each resource of a multiprocessor busy."""
    return {
        "issue": sum(counts[kind] for kind in arch.issued) / arch.slots,
        "special": counts["special"] * arch.lanes / arch.special,
        "matrix": work.flops / arch.matrix[work.math] if work.flops else 0.0,
        "memory": work.nbytes / arch.bytes_a_clock,
    }


def ceiling(counts: Mapping[str, float], work: Work, arch: Architecture) -> tuple[float, str]:
    """The share of the roof that can be reached, and the resource that is slowest."""
    busy = clocks(counts, work, arch)
    slowest = max(busy, key=busy.__getitem__)
    return max(busy[roof] for roof in ROOFS) / busy[slowest], slowest


def blocks(arch: Architecture, warps: int, registers: int, shared: int, columns: int = 0) -> int:
    """Programs that a multiprocessor holds at a time.

    Args:
        warps: of a program. registers: of a thread. shared: bytes of a program.
        columns: of tensor memory of a program.
    """
    of_warp = -(-registers * arch.lanes // arch.granule) * arch.granule
    held = arch.registers // of_warp * SCHEDULERS if of_warp else arch.warps
    # a program's warps are spread over the schedulers
    spread = -(-warps // SCHEDULERS) * SCHEDULERS if arch.lanes == 32 else warps
    limits = [arch.blocks, arch.warps // spread, held // spread]
    if taken := -(-(shared + arch.reserved) // 128) * 128:
        limits.append(arch.shared // taken)
    if columns:
        limits.append(arch.columns // columns)
    return max(0, min(limits))

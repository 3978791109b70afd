"""How recurrent layers are divided: into a step's gates, or whole where the weights fit into a multiprocessor."""

from __future__ import annotations

from typing import NamedTuple


class Step(NamedTuple):
    """Units that a program computes, and its warps."""

    block: int
    warps: int


STEPS = (Step(128, 4), Step(256, 4), Step(512, 4))


def choose_step(elements: int, processors: int) -> Step:
    """For the units of all rows of a step: small programs until each multiprocessor has two of them.

    A step is short and its programs run at once, so that what counts is how long one takes.
    """
    fitting = [step for step in STEPS if elements >= 2 * processors * step.block]
    return fitting[-1] if fitting else STEPS[0]


# ---- all steps in one launch ------------------------------------------------------------------------------


class Resident(NamedTuple):
    """What fits: units, and bytes of all weights, both padded. Then rows of a program, warps, depth of the pipeline."""

    units: int
    most: int
    rows: int
    warps: int
    stages: int


# Half precision: matrix instructions read the weights from shared memory at every step (163 KiB on sm_80, of which what
# is read ahead takes a part), on gfx942 from registers. Others: weights are spread over the registers of all threads,
# 64 KiB over 256 threads are 64 of the 255 that each has. Units are limited by what a thread holds of the gates.
_HALF = (Resident(64, 32 << 10, 16, 4, 2), Resident(256, 128 << 10, 16, 8, 1))
_WHOLE = (Resident(64, 16 << 10, 1, 4, 2), Resident(128, 64 << 10, 1, 8, 2))
_DEFAULT = {"half": _HALF, "single": _WHOLE, "double": _WHOLE}
RESIDENT = {("gfx942", "half"): (Resident(64, 32 << 10, 16, 4, 1),)}

SMALLEST = 16  # units of a tile: what matrix instructions take at least
PER_PROCESSOR = 8
"""Programs of all steps for each multiprocessor. Two run at once, so that with more than these the last ones begin when
step by step, where a whole batch shares a product, would long be done."""


def padded(units: int) -> int:
    """The extent of a tile.

    >>> [padded(n) for n in (0, 1, 16, 17, 100)]
    [16, 16, 16, 32, 128]
    """
    return max(SMALLEST, 1 << (units - 1).bit_length()) if units else SMALLEST


def weight_bytes(gates: int, units: int, width: int, projected: bool, itemsize: int) -> int:
    """Of a layer's weights of the state: one a gate, and that of a projection.

    >>> weight_bytes(4, 60, 60, False, 4), weight_bytes(4, 64, 32, True, 2)
    (65536, 20480)
    """
    return (gates + projected) * padded(units) * padded(width) * itemsize


def resident_table(architecture: str, kind: str) -> tuple[Resident, ...]:
    """What fits, the smaller first; `kind` is 'half', 'single' or 'double'."""
    return RESIDENT.get((architecture, kind), _DEFAULT[kind])


def choose_resident(
    architecture: str, nbytes: int, units: int, itemsize: int, batch: int, processors: int
) -> Resident | None:
    """How all steps are computed in one launch; None where that does not fit, or has too many sequences.

    Args:
        architecture: as `architecture()` of `launch/launch.py` names it.
        nbytes: of the weights, as `weight_bytes` says.
        units: of a gate.
        itemsize: bytes of an element.
        batch: the number of sequences.
        processors: the number of multiprocessors.
    """
    for resident in resident_table(architecture, {2: "half", 4: "single", 8: "double"}[itemsize]):
        if nbytes <= resident.most and padded(units) <= resident.units:
            return resident if batch <= PER_PROCESSOR * processors * resident.rows else None
    return None

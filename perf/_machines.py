"""Machines as data, and the time that a row's counted bytes and operations need there at least.

A prediction is arithmetic, not a measurement: bytes over the copy bandwidth or operations over the matrix
rate, whichever takes longer, and never less than a launch. It says what is possible, not what was reached.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

LAUNCH = 1.6e-6  # seconds of the host for one launch through the driver; measured


@dataclass(frozen=True)
class Machine:
    """A GPU.

    Attributes:
        name: what it is called.
        copy: bytes per second, read and written ones counted.
        rates: operations per second by the arithmetic of a product ('tf32' among them).
        sources: where each figure comes from, in words.
    """

    name: str
    copy: float
    rates: dict[str, float]
    sources: str


HOPPER = {"bfloat16": 798e12, "float16": 798e12, "tf32": 494.7e12, "float32": 66.9e12}
HOPPER_SOURCE = (
    "bf16 matrix rate measured (8192 cubed, random data), fp16 taken to be the same; "
    "tf32 and fp32: NVIDIA's H100 SXM data sheet, dense, which products do not reach"
)
A100_SOURCE = (
    "all figures: NVIDIA's A100 80 GB SXM data sheet, dense, which neither copies nor products reach"
)
B200_SOURCE = (
    "all figures: NVIDIA's data for the B200 in HGX systems at 1000 W, dense, which neither copies nor "
    "products reach"
)

MACHINES = {
    m.name: m
    for m in (
        Machine("H100", 3.0e12, HOPPER, f"copy bandwidth measured; {HOPPER_SOURCE}"),
        Machine("H200", 4.3e12, HOPPER, f"copy bandwidth measured; {HOPPER_SOURCE}"),
        Machine(
            "A100",
            2.039e12,
            {"bfloat16": 312e12, "float16": 312e12, "tf32": 156e12, "float32": 19.5e12},
            A100_SOURCE,
        ),
        Machine(
            "B200",
            8.0e12,
            {"bfloat16": 2250e12, "float16": 2250e12, "tf32": 1100e12, "float32": 80e12},
            B200_SOURCE,
        ),
    )
}


def predict(machine: Machine, math: str, flops: float, nbytes: float) -> dict[str, Any] | None:
    """Seconds that a call takes at least, and what bounds it; None where nothing was counted.

    >>> predict(MACHINES["H100"], "bfloat16", 0, 3e9)
    {'seconds': 0.001, 'bound': 'memory'}
    """
    if not flops and not nbytes:
        return None
    bounds = {"memory": nbytes / machine.copy, "launch": LAUNCH}
    if flops and math in machine.rates:
        bounds["arithmetic"] = flops / machine.rates[math]
    bound = max(bounds, key=bounds.__getitem__)
    return {"seconds": bounds[bound], "bound": bound}

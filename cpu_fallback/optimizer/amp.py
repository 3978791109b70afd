"""Unscaling gradients, with a look whether all are finite, and the scale's update: what a gradient scaler runs."""

from __future__ import annotations

import numpy as np

from tritonnn.cpu_fallback.common.blocks import pieces
from tritonnn.cpu_fallback.optimizer.foreach import work_type


def amp_unscale(grads: list[np.ndarray], found_inf: np.ndarray, inv_scale: np.ndarray) -> None:
    """Every gradient times the inverse, in place; `found_inf` becomes 1 where one of them was not finite."""
    bad = False
    for x in grads:
        work = work_type(x.dtype)
        inverse = work.type(inv_scale.reshape(-1)[0])
        for (block,) in pieces((x,)):
            values = block.astype(work, copy=False)
            bad = bad or not np.isfinite(values).all()
            if values is block:
                np.multiply(block, inverse, out=block)
            else:
                block[...] = values * inverse
    if bad:
        found_inf[...] = 1


def amp_update(
    scale: np.ndarray,
    growth_tracker: np.ndarray,
    found_inf: np.ndarray,
    growth: float,
    backoff: float,
    interval: int,
) -> None:
    """The scale and the number of good steps in a row, brought up to date in place."""
    if found_inf.reshape(-1)[0]:
        scale[...] = scale.astype(np.float64) * backoff
        growth_tracker[...] = 0
        return
    growth_tracker += 1
    if growth_tracker.reshape(-1)[0] == interval:
        grown = (scale.astype(np.float64) * growth).astype(np.float32)  # rounded once
        if np.isfinite(grown).all():  # what would overflow stays as it is
            scale[...] = grown
        growth_tracker[...] = 0

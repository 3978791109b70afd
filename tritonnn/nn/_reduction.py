"""The older arguments `size_average` and `reduce` of losses, in terms of `reduction`."""

from __future__ import annotations

import warnings


def legacy_get_string(size_average: bool | None, reduce: bool | None, emit_warning: bool = True) -> str:
    """What the two mean: both true (or None) 'mean', size_average=False 'sum', reduce=False 'none'."""
    if reduce is not None and not reduce:
        reduction = "none"
    elif size_average is not None and not size_average:
        reduction = "sum"
    else:
        reduction = "mean"
    if emit_warning:
        warnings.warn(
            f"size_average and reduce args will be deprecated, please use reduction='{reduction}' instead."
        )
    return reduction


def resolve(reduction: str, size_average: bool | None, reduce: bool | None) -> str:
    """`reduction`, unless one of the older arguments is given: then what those mean."""
    if size_average is None and reduce is None:
        return reduction
    return legacy_get_string(size_average, reduce)

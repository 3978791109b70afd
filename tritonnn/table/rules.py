"""Dtypes: the groups that entries declare, and what pointwise ops compute in and give."""

from __future__ import annotations

from tritonnn import dtypes
from tritonnn.dtypes import dtype as DType

ALL_TYPES = dtypes.ALL
FLOATING = dtypes.FLOATING
REAL = (dtypes.bool_, *dtypes.INTEGRAL, *dtypes.FLOATING)
NUMERIC = (*dtypes.INTEGRAL, *dtypes.FLOATING)
FLOATING_AND_COMPLEX = (*dtypes.FLOATING, *dtypes.COMPLEX)
ANY = (*REAL, *dtypes.COMPLEX)


# ---- dtype rules of pointwise ops: common dtype -> (dtype computed in, dtype of the result) ------------------


def PROMOTE(common: DType) -> tuple[DType, DType]:
    """The result has the common dtype (add, mul, maximum, ...)."""
    return common, common


def FLOAT(common: DType) -> tuple[DType, DType]:
    """Integers become the default floating dtype (exp, div, ...)."""
    if common.kind < 2:
        common = dtypes.get_default_dtype()
    return common, common


def BOOL(common: DType) -> tuple[DType, DType]:
    """The result is bool (comparisons, isnan, ...)."""
    return common, dtypes.bool_

"""Moved to tritonnn.dtypes."""
from tritonnn.dtypes import *  # noqa: F403
from tritonnn.dtypes import _WIDENED, dtype  # noqa: F401

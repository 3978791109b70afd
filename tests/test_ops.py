"""Tests generated from the op table: every entry, on every device, in every dtype it declares.

They ship with the library, for packages of others (`tritonnn/testing/generated/`).
"""

from __future__ import annotations

import pytest
import widened  # noqa: F401  (its rows say what is allowed of which op)

from tritonnn import kernels
from tritonnn.testing.generated.calls import *  # noqa: F403
from tritonnn.testing.generated.cases import NO_PLAIN_DERIVATIVE, RANDOM  # noqa: F401
from tritonnn.testing.generated.gradients import *  # noqa: F403


def test_missing_kernel_is_named():
    with pytest.raises(
        NotImplementedError, match=r"no_such_op has no GPU kernel: add no_such_op to kernels/shape\.py"
    ):
        kernels.implementation("shape", "no_such_op")

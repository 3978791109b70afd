"""vmap of every entry of the op table against a loop over the samples, values and gradients."""

from __future__ import annotations

from tritonnn.testing.generated.batches import *  # noqa: F403
from tritonnn.testing.generated.batches import _quiet  # noqa: F401

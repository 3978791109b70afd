"""torch.nn.functional: the stateless versions of the layers.

The functions are the ops that the table in `tritonnn/ops` publishes here; each is documented where it is defined.

>>> import tritonnn.nn.functional as F
>>> import tritonnn as torch
>>> F.relu(torch.tensor([-1., 2.]))
tensor([0., 2.])
"""

from __future__ import annotations

from typing import Any

from tritonnn.table import NAMESPACES

globals().update(NAMESPACES["functional"])


def __getattr__(name: str) -> Any:
    if name == "multi_head_attention_forward":  # is built on this module
        from tritonnn.nn._multi_head import multi_head_attention_forward

        globals()[name] = multi_head_attention_forward
        return multi_head_attention_forward
    raise AttributeError(f"tritonnn has no torch.nn.functional.{name}")

"""Names of types that annotations of TorchScript use."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple, Union  # noqa: F401, UP035  # packages take them here

from tritonnn._jit_internal import BroadcastingList1 as BroadcastingList1
from tritonnn._jit_internal import BroadcastingList2 as BroadcastingList2
from tritonnn._jit_internal import BroadcastingList3 as BroadcastingList3
from tritonnn._tensor import Tensor as Tensor
from tritonnn.nn.module import Module as Module

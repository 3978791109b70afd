"""Neural networks: Module, layers, losses, initialisation, and their functional forms."""

from __future__ import annotations

from tritonnn.nn import functional, init, modules
from tritonnn.nn._hooks import (
    register_module_backward_hook,
    register_module_forward_hook,
    register_module_forward_pre_hook,
    register_module_full_backward_hook,
    register_module_full_backward_pre_hook,
)
from tritonnn.nn.modules import *
from tritonnn.nn.parameter import Buffer, Parameter, UninitializedBuffer, UninitializedParameter

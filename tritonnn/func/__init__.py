"""torch.func: transforms of functions (gradients, Jacobians, batches), and modules as functions of their parameters.

>>> import tritonnn as torch
>>> torch.func.grad(lambda x: (x ** 3).sum())(torch.tensor([1., 2.]))
tensor([ 3., 12.])
>>> layer = torch.nn.Linear(2, 1)
>>> torch.func.functional_call(layer, {"weight": torch.ones(1, 2), "bias": torch.zeros(1)}, torch.ones(2))
tensor([2.])
"""

from __future__ import annotations

from tritonnn import batching  # computes with what is inside vmap
from tritonnn.batching.vmap import vmap
from tritonnn.func.jacobians import hessian, jacfwd, jacrev
from tritonnn.func.modules import functional_call, replace_all_batch_norm_modules_, stack_module_state
from tritonnn.func.others import debug_unwrap, functionalize
from tritonnn.func.rearranging import rearrange
from tritonnn.func.tangents import jvp, linearize
from tritonnn.func.transforms import grad, grad_and_value, vjp

__all__ = [
    "debug_unwrap", "functional_call", "functionalize", "grad", "grad_and_value", "hessian", "jacfwd", "jacrev", "jvp",
    "linearize", "rearrange", "replace_all_batch_norm_modules_", "stack_module_state", "vjp", "vmap",
]  # fmt: skip

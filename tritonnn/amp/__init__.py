"""Mixed precision: `autocast` chooses the type that each op computes in, `GradScaler` keeps small gradients from zero.

A step in float16, where gradients are scaled up so that small ones are not rounded to zero; in bfloat16, which has the
range of float32, the scaler is left out:

>>> import tritonnn as torch
>>> model = torch.nn.Linear(4, 2)
>>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
>>> scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
>>> x, y = torch.randn(8, 4), torch.randn(8, 2)
>>> for _ in range(2):
...     optimizer.zero_grad()
...     with torch.autocast("cpu", dtype=torch.float16):
...         prediction = model(x)
...         loss = torch.nn.functional.mse_loss(prediction, y)
...     scaler.scale(loss).backward()
...     scaler.step(optimizer)
...     scaler.update()
>>> prediction.dtype, loss.dtype, model.weight.grad.dtype
(torch.float16, torch.float32, torch.float32)

What each op does under autocast stands in `tritonnn/table/autocast.py`; `torch.amp.policies("softmax")` tells of one.
"""

from __future__ import annotations

from tritonnn.amp.autocast_mode import autocast, custom_bwd, custom_fwd, is_autocast_available
from tritonnn.amp.grad_scaler import GradScaler
from tritonnn.ops import whole
from tritonnn.table.autocast import policies

__all__ = ["GradScaler", "autocast", "custom_bwd", "custom_fwd", "is_autocast_available", "policies"]

whole()  # a policy stands around an op from when autocast is first entered

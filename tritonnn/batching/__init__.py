"""How ops compute with what is inside `vmap`: a rule for each kind of op, else one sample at a time.

`tritonnn/_levels.py` says what a batched tensor is. A call that has one among its arguments comes here once dispatch
was refused its memory; a rule computes with the batches instead, which is a call of other ops outside of that `vmap`.
"""

from __future__ import annotations

from tritonnn._levels import HOOKS, Batched
from tritonnn.batching import rules
from tritonnn.batching.calls import call
from tritonnn.batching.chance import draw, unsure
from tritonnn.batching.values import spread
from tritonnn.batching.writes import copy_, fill_, resize_, unbatched, zero_

Batched.copy_ = copy_  # type: ignore[assignment]
Batched.fill_ = fill_
Batched.resize_ = resize_
Batched.zero_ = zero_
HOOKS.update(call=call, draw=draw, unsure=unsure, unbatched=unbatched, spread=spread)
__all__ = ["rules"]

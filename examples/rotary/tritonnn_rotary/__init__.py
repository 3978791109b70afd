"""Rotary position embedding for tritonnn, fused: `rotary(x, cos, sin)`.

>>> import tritonnn as torch
>>> from tritonnn_rotary import rotary
>>> quarter_turn = torch.zeros(1, 1), torch.ones(1, 1)
>>> rotary(torch.tensor([[1., 0.]]), *quarter_turn)
tensor([[0., 1.]])
"""

from tritonnn_rotary.rotary import rotary

__all__ = ["rotary"]

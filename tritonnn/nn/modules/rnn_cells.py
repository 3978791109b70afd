"""Single steps of recurrent layers: RNNCell, LSTMCell, GRUCell."""

from __future__ import annotations

import math
from typing import Any

from tritonnn._parameter import Parameter
from tritonnn._tensor import Tensor
from tritonnn.device import DeviceLike
from tritonnn.dtypes import dtype as DType
from tritonnn.errors import fail
from tritonnn.nn import init
from tritonnn.nn.module import Module
from tritonnn.ops.creation.creation import empty, zeros
from tritonnn.ops.recurrent.cells import gru_cell, lstm_cell, rnn_relu_cell, rnn_tanh_cell

__all__ = ["RNNCellBase", "RNNCell", "LSTMCell", "GRUCell"]


class RNNCellBase(Module):
    """What cells share: weights, and inputs without a batch.

    Args:
        input_size: features of the input.
        hidden_size: units.
        bias: whether there are biases.
        num_chunks: number of gates.
        device, dtype: of the parameters.

    >>> import tritonnn as torch
    >>> torch.nn.RNNCellBase(3, 4, bias=True, num_chunks=3).weight_hh.shape
    torch.Size([12, 4])
    """

    input_size: int
    hidden_size: int
    bias: bool
    weight_ih: Tensor
    weight_hh: Tensor

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool,
        num_chunks: int,
        device: DeviceLike | None = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        rows = num_chunks * hidden_size
        self.weight_ih = Parameter(empty((rows, input_size), device=device, dtype=dtype))
        self.weight_hh = Parameter(empty((rows, hidden_size), device=device, dtype=dtype))
        for name in ("bias_ih", "bias_hh"):
            shift = Parameter(empty(rows, device=device, dtype=dtype)) if bias else None
            self.register_parameter(name, shift)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all weights anew, uniform in ±1/√hidden_size."""
        bound = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def extra_repr(self) -> str:
        text = f"{self.input_size}, {self.hidden_size}"
        if self.bias is not True:
            text += f", bias={self.bias}"
        nonlinearity = self.__dict__.get("nonlinearity", "tanh")
        return text if nonlinearity == "tanh" else f"{text}, nonlinearity={nonlinearity}"

    def _check_rank(self, x: Tensor, what: str) -> None:
        if x.dim() not in (1, 2):
            message = f"Expected {what} to be 1D or 2D, got {x.dim()}D instead"
            shown: dict[str, Any] = {what.partition("[")[0]: x}
            raise fail(self._get_name(), message, kind=ValueError, **shown)

    def _weights(self) -> tuple[Any, ...]:
        return self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh

    def _one_state(self, function: Any, input: Tensor, hx: Tensor | None) -> Tensor:
        """A step of a cell whose state is one tensor."""
        self._check_rank(input, "input")
        if hx is not None:
            self._check_rank(hx, "hidden")
        batched = input.dim() == 2
        x = input if batched else input.unsqueeze(0)
        if hx is None:
            h = zeros((x.size(0), self.hidden_size), dtype=x.dtype, device=x.device)
        else:
            h = hx if batched else hx.unsqueeze(0)
        made = function(x, h, *self._weights())
        return made if batched else made.squeeze(0)


class RNNCell(RNNCellBase):
    """h' = tanh(W_ih x + b_ih + W_hh h + b_hh), or relu: one step of `RNN`.

    Args:
        input_size: features of the input.
        hidden_size: units.
        bias: whether there are biases.
        nonlinearity: 'tanh' or 'relu'.
        device, dtype: of the parameters.

    Shapes: input (B, input_size) or (input_size,); hx and the result (B, hidden_size) or (hidden_size,).

    Raises:
        ValueError: input or state of another rank.
        RuntimeError: input or state of another size, or an unknown nonlinearity.

    >>> import tritonnn as torch
    >>> torch.nn.RNNCell(3, 4)(torch.ones(2, 3)).shape
    torch.Size([2, 4])
    """

    nonlinearity: str

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: DeviceLike | None = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        functions = {"tanh": rnn_tanh_cell, "relu": rnn_relu_cell}
        if self.nonlinearity not in functions:
            raise fail("RNNCell", f"Unknown nonlinearity: {self.nonlinearity}", input=input)
        return self._one_state(functions[self.nonlinearity], input, hx)


class LSTMCell(RNNCellBase):
    """One step of `LSTM`: from x and (h, c) to the next (h, c).

    Args:
        input_size: features of the input.
        hidden_size: units.
        bias: whether there are biases.
        device, dtype: of the parameters.

    Shapes: input (B, input_size) or (input_size,); h and c (B, hidden_size) or (hidden_size,), zero by default.

    Raises:
        ValueError: input or states of another rank.
        RuntimeError: input or states of another size.

    >>> import tritonnn as torch
    >>> h, c = torch.nn.LSTMCell(3, 4)(torch.ones(2, 3))
    >>> h.shape, c.shape
    (torch.Size([2, 4]), torch.Size([2, 4]))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: DeviceLike | None = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)

    def forward(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        self._check_rank(input, "input")
        if isinstance(hx, (tuple, list)):
            for k, state in enumerate(hx):
                self._check_rank(state, f"hx[{k}]")
        batched = input.dim() == 2
        x = input if batched else input.unsqueeze(0)
        states: Any = hx
        if hx is None:
            h = zeros((x.size(0), self.hidden_size), dtype=x.dtype, device=x.device)
            states = (h, h)
        elif not batched:
            states = tuple([state.unsqueeze(0) for state in hx])
        h, c = lstm_cell(x, states, *self._weights())
        return (h, c) if batched else (h.squeeze(0), c.squeeze(0))


class GRUCell(RNNCellBase):
    """One step of `GRU`: from x and h to the next h.

    Args:
        input_size: features of the input.
        hidden_size: units.
        bias: whether there are biases.
        device, dtype: of the parameters.

    Shapes: input (B, input_size) or (input_size,); hx and the result (B, hidden_size) or (hidden_size,).

    Raises:
        ValueError: input or state of another rank.
        RuntimeError: input or state of another size.

    >>> import tritonnn as torch
    >>> torch.nn.GRUCell(3, 4)(torch.ones(2, 3)).shape
    torch.Size([2, 4])
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: DeviceLike | None = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        return self._one_state(gru_cell, input, hx)

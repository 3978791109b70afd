"""Recurrent layers: RNN, LSTM, GRU, and their cells."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from tritonnn._tensor import Tensor
from tritonnn.device import DeviceLike
from tritonnn.dtypes import dtype as DType
from tritonnn.nn.modules._rnn_base import RNNBase
from tritonnn.nn.modules.rnn_cells import GRUCell, LSTMCell, RNNCell, RNNCellBase
from tritonnn.ops.creation.creation import zeros

__all__ = ["RNNBase", "RNN", "LSTM", "GRU", "RNNCellBase", "RNNCell", "LSTMCell", "GRUCell"]


def _apply_permutation(tensor: Tensor, permutation: Tensor, dim: int = 1) -> Any:
    return tensor.index_select(dim, permutation)


def apply_permutation(tensor: Tensor, permutation: Tensor, dim: int = 1) -> Any:
    """Deprecated: `tensor.index_select(dim, permutation)`."""
    warnings.warn(
        "`apply_permutation` is deprecated, please use `tensor.index_select(dim, permutation)` instead",
        FutureWarning, stacklevel=2,
    )  # fmt: skip
    return _apply_permutation(tensor, permutation, dim)


class RNN(RNNBase):
    """h' = tanh(W_ih x + b_ih + W_hh h + b_hh), or relu, step after step (J. Elman, 1990).

    Args:
        input_size: features of the input.
        hidden_size: units of each layer.
        num_layers: number of layers; each takes the outputs of the one before.
        nonlinearity: 'tanh' or 'relu'.
        bias: whether there are biases.
        batch_first: input and output are (B, T, *) instead of (T, B, *).
        dropout: probability to drop an output between two layers, in training.
        bidirectional: whether each layer runs backwards as well, beside it.
        device, dtype: of the parameters.

    Shapes: input (T, B, input_size), (T, input_size) without a batch, or a `PackedSequence`; hx (D num_layers, B,
    hidden_size), zero by default, where D is 2 for both directions. Returns the output (T, B, D hidden_size) of the
    last layer and the last state, of hx's shape. Weights start uniform in ±1/√hidden_size.

    Raises:
        ValueError: options outside their range, input of another rank or dtype.
        RuntimeError: input or state of another size.

    >>> import tritonnn as torch
    >>> output, h = torch.nn.RNN(3, 4, num_layers=2)(torch.ones(5, 2, 3))
    >>> output.shape, h.shape
    (torch.Size([5, 2, 4]), torch.Size([2, 2, 4]))
    """

    if TYPE_CHECKING:
        nonlinearity: str

        def __init__(
            self, input_size: int, hidden_size: int, num_layers: int = 1, nonlinearity: str = "tanh", bias: bool = True,
            batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False,
            device: DeviceLike | None = None, dtype: DType | None = None,
        ) -> None: ...  # fmt: skip

    else:

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            if "proj_size" in kwargs:
                raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
            if len(args) > 3:
                self.nonlinearity = args[3]
                args = args[:3] + args[4:]
            else:
                self.nonlinearity = kwargs.pop("nonlinearity", "tanh")
            modes = {"tanh": "RNN_TANH", "relu": "RNN_RELU"}
            if self.nonlinearity not in modes:
                raise ValueError(f"Unknown nonlinearity '{self.nonlinearity}'. Select from 'tanh' or 'relu'.")
            super().__init__(modes[self.nonlinearity], *args, **kwargs)

    def _check_rank(self, input: Tensor) -> None:
        if input.dim() not in (2, 3):
            message = f"Expected input to be 2D or 3D, got {input.dim()}D tensor instead"
            raise self._refusal(message, ValueError, input=input)

    def forward(self, input: Any, hx: Any = None) -> Any:
        return self._sequence(input, hx)


class LSTM(RNNBase):
    """Long short-term memory (S. Hochreiter, J. Schmidhuber, 1997), with a forget gate (F. Gers et al., 2000).

    i, f, o = σ and g = tanh of W_ih x + b_ih + W_hh h + b_hh; c' = f c + i g; h' = o tanh(c'). With `proj_size` the
    state is W_hr h' (H. Sak et al., arXiv:1402.1128).

    Args:
        input_size: features of the input.
        hidden_size: units of each layer.
        num_layers: number of layers; each takes the outputs of the one before.
        bias: whether there are biases.
        batch_first: input and output are (B, T, *) instead of (T, B, *).
        dropout: probability to drop an output between two layers, in training.
        bidirectional: whether each layer runs backwards as well, beside it.
        proj_size: how many features the state is projected to; 0 for no projection.
        device, dtype: of the parameters.

    Shapes: input (T, B, input_size), (T, input_size) without a batch, or a `PackedSequence`; hx a pair: h (D
    num_layers, B, proj_size or hidden_size) and c (D num_layers, B, hidden_size), zero by default, where D is 2 for
    both directions. Returns the output (T, B, D (proj_size or hidden_size)) of the last layer and the last (h, c).
    Weights start uniform in ±1/√hidden_size; gates stand in the order i, f, g, o.

    Raises:
        ValueError: options outside their range, input of another rank or dtype.
        RuntimeError: input or states of another size.

    >>> import tritonnn as torch
    >>> output, (h, c) = torch.nn.LSTM(3, 4, bidirectional=True)(torch.ones(5, 2, 3))
    >>> output.shape, h.shape, c.shape
    (torch.Size([5, 2, 8]), torch.Size([2, 2, 4]), torch.Size([2, 2, 4]))
    """

    if TYPE_CHECKING:

        def __init__(
            self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True,
            batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False, proj_size: int = 0,
            device: DeviceLike | None = None, dtype: DType | None = None,
        ) -> None: ...  # fmt: skip

    else:

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__("LSTM", *args, **kwargs)

    def get_expected_cell_size(self, input: Tensor, batch_sizes: Tensor | None) -> tuple[int, int, int]:
        """The shape that the cells have to have beside this input."""
        layers, batch, _ = self.get_expected_hidden_size(input, batch_sizes)
        return layers, batch, self.hidden_size

    def check_forward_args(self, input: Tensor, hidden: Any, batch_sizes: Tensor | None) -> None:
        """Refuse input and states that do not fit."""
        self.check_input(input, batch_sizes)
        wanted = self.get_expected_hidden_size(input, batch_sizes)
        self.check_hidden_size(hidden[0], wanted, "Expected hidden[0] size {}, got {}")
        cells = self.get_expected_cell_size(input, batch_sizes)
        self.check_hidden_size(hidden[1], cells, "Expected hidden[1] size {}, got {}")

    def permute_hidden(self, hx: Any, permutation: Tensor | None) -> Any:
        """The states of the sequences in another order."""
        if permutation is None:
            return hx
        return hx[0].index_select(1, permutation), hx[1].index_select(1, permutation)

    def _states(self, input: Tensor, hx: Any, batch_sizes: Tensor | None, order: Tensor | None) -> Any:
        if hx is not None:
            return self.permute_hidden(hx, order)
        shapes = (
            self.get_expected_hidden_size(input, batch_sizes),
            self.get_expected_cell_size(input, batch_sizes),
        )
        return tuple([zeros(shape, dtype=input.dtype, device=input.device) for shape in shapes])

    def _batched(self, input: Tensor, hx: Any) -> tuple[Tensor, Any]:
        rank = input.dim()
        if hx is not None:
            ranks = hx[0].dim(), hx[1].dim()
            if ranks != (rank, rank):
                kind = "batched 3-D" if rank == 3 else "unbatched 2-D"
                message = (
                    f"For {kind} input, hx and cx should also be {rank}-D but got ({ranks[0]}-D, {ranks[1]}-D) "
                    "tensors"
                )
                raise self._refusal(message, input=input, hx=hx[0], cx=hx[1])
        if rank == 3:
            return input, hx
        hx = None if hx is None else (hx[0].unsqueeze(1), hx[1].unsqueeze(1))
        return input.unsqueeze(self._batch_dim), hx

    def _squeezed(self, states: Any) -> Any:
        return states[0].squeeze(1), states[1].squeeze(1)

    def forward(self, input: Any, hx: Any = None) -> Any:
        return self._sequence(input, hx)


class GRU(RNNBase):
    """Gated recurrent unit (K. Cho et al., arXiv:1406.1078).

    r, z = σ of W_ih x + b_ih + W_hh h + b_hh; n = tanh(W_in x + b_in + r (W_hn h + b_hn)); h' = (1 - z) n + z h. The
    reset gate stands after the product, where the first paper has it before.

    Args:
        input_size: features of the input.
        hidden_size: units of each layer.
        num_layers: number of layers; each takes the outputs of the one before.
        bias: whether there are biases.
        batch_first: input and output are (B, T, *) instead of (T, B, *).
        dropout: probability to drop an output between two layers, in training.
        bidirectional: whether each layer runs backwards as well, beside it.
        device, dtype: of the parameters.

    Shapes: as of `RNN`. Weights start uniform in ±1/√hidden_size; gates stand in the order r, z, n.

    Raises:
        ValueError: options outside their range, input of another rank or dtype.
        RuntimeError: input or state of another size.

    >>> import tritonnn as torch
    >>> output, h = torch.nn.GRU(3, 4, batch_first=True)(torch.ones(2, 5, 3))
    >>> output.shape, h.shape
    (torch.Size([2, 5, 4]), torch.Size([1, 2, 4]))
    """

    if TYPE_CHECKING:

        def __init__(
            self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True,
            batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False,
            device: DeviceLike | None = None, dtype: DType | None = None,
        ) -> None: ...  # fmt: skip

    else:

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            if "proj_size" in kwargs:
                raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
            super().__init__("GRU", *args, **kwargs)

    def forward(self, input: Any, hx: Any = None) -> Any:
        return self._sequence(input, hx)

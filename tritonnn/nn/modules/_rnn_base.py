"""What recurrent layers share."""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable
from typing import Any

from tritonnn._parameter import Parameter
from tritonnn._tensor import Tensor
from tritonnn.device import DeviceLike
from tritonnn.dispatch import autocast
from tritonnn.dtypes import dtype as DType
from tritonnn.errors import fail, warn
from tritonnn.nn import init
from tritonnn.nn.module import Module
from tritonnn.nn.utils.rnn import PackedSequence
from tritonnn.ops.creation.creation import empty, zeros
from tritonnn.ops.recurrent.recurrent import gru, lstm, rnn_relu, rnn_tanh

__all__ = ["RNNBase"]

GATES = {"LSTM": 4, "GRU": 3, "RNN_TANH": 1, "RNN_RELU": 1}
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "LSTM": lstm,
    "GRU": gru,
    "RNN_TANH": rnn_tanh,
    "RNN_RELU": rnn_relu,
}


class RNNBase(Module):
    """What recurrent layers share: weights, checks, and the order of sequences.

    Args:
        mode: 'LSTM', 'GRU', 'RNN_TANH' or 'RNN_RELU'.
        input_size: features of the input.
        hidden_size: units of each layer.
        num_layers: number of layers; each takes the outputs of the one before.
        bias: whether there are biases.
        batch_first: input and output are (B, T, *) instead of (T, B, *).
        dropout: probability to drop an output between two layers, in training.
        bidirectional: whether each layer runs backwards as well, beside it.
        proj_size: of an LSTM: how many features its state is projected to; 0 for no projection.
        device, dtype: of the parameters.

    >>> import tritonnn as torch
    >>> [name for name, _ in torch.nn.RNNBase("GRU", 3, 4).named_parameters()]
    ['weight_ih_l0', 'weight_hh_l0', 'bias_ih_l0', 'bias_hh_l0']
    """

    mode: str
    input_size: int
    hidden_size: int
    num_layers: int
    bias: bool
    batch_first: bool
    dropout: float
    bidirectional: bool
    proj_size: int

    def __init__(
        self,
        mode: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: DeviceLike | None = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        self.mode = mode
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        for name, flag in (("bias", bias), ("batch_first", batch_first)):
            if not isinstance(flag, bool):
                raise TypeError(f"{name} should be of type bool, got: {type(flag).__name__}")
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        self._check_options(dropout)
        self._all_weights: list[list[str]] = self._names()
        for name, shape in self._shapes():
            self.register_parameter(name, Parameter(empty(shape, device=device, dtype=dtype)))
        self.reset_parameters()

    def _check_options(self, dropout: float) -> None:
        if isinstance(dropout, bool) or not isinstance(dropout, numbers.Number) or not 0 <= self.dropout <= 1:
            raise ValueError(
                "dropout should be a number in range [0, 1] representing the probability of an element being "
                f"zeroed, got {dropout!r}"
            )
        if dropout and self.num_layers == 1:
            warn(
                "dropout option adds dropout after all but last recurrent layer, so non-zero dropout expects "
                f"num_layers greater than 1, but got dropout={dropout} and num_layers={self.num_layers}"
            )
        for name in ("input_size", "hidden_size"):
            value = getattr(self, name)
            if not isinstance(value, int):
                raise TypeError(f"{name} should be of type int, got: {type(value).__name__}")
        for name in ("hidden_size", "input_size", "num_layers"):
            value = getattr(self, name)
            if value <= 0:
                raise ValueError(f"{name} must be greater than zero, got {value}")
        if not isinstance(self.num_layers, int):
            raise TypeError(
                f"num_layers: '{type(self.num_layers).__name__}' object cannot be interpreted as an integer"
            )
        if self.proj_size < 0:
            raise ValueError(
                f"proj_size should be a positive integer or zero to disable projections, got {self.proj_size}"
            )
        if self.proj_size >= self.hidden_size:
            raise ValueError(
                f"proj_size has to be smaller than hidden_size, got {self.proj_size} and {self.hidden_size}"
            )
        if self.mode not in GATES:
            raise ValueError(f"Unrecognized RNN mode: {self.mode}")

    @property
    def _directions(self) -> int:
        return 2 if self.bidirectional else 1

    def _names(self) -> list[list[str]]:
        """The names of each layer's and direction's weights."""
        kinds = ["weight_ih", "weight_hh"]
        kinds += ["bias_ih", "bias_hh"] if self.bias else []
        kinds += ["weight_hr"] if self.proj_size else []
        ends = [
            f"_l{layer}{'_reverse' * direction}"
            for layer in range(self.num_layers)
            for direction in range(self._directions)
        ]
        return [[kind + end for kind in kinds] for end in ends]

    def _shapes(self) -> list[tuple[str, tuple[int, ...]]]:
        """The name and the shape of each weight."""
        outputs = self.proj_size or self.hidden_size
        rows = GATES[self.mode] * self.hidden_size
        shapes: list[tuple[str, tuple[int, ...]]] = []
        for k, names in enumerate(self._all_weights):
            inputs = self.input_size if k < self._directions else outputs * self._directions
            of_kind = {
                "weight_ih": (rows, inputs), "weight_hh": (rows, outputs), "bias_ih": (rows,), "bias_hh": (rows,),
                "weight_hr": (self.proj_size, self.hidden_size),
            }  # fmt: skip
            shapes += [(name, of_kind[name.partition("_l")[0]]) for name in names]
        return shapes

    def reset_parameters(self) -> None:
        """Draw all weights anew, uniform in ±1/√hidden_size."""
        bound = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def flatten_parameters(self) -> None:
        """Nothing: weights need no common memory here. Kept for programs that call it."""

    @property
    def all_weights(self) -> list[list[Any]]:
        """The weights of each layer and direction."""
        return [[getattr(self, name) for name in names] for names in self._all_weights]

    @property
    def _flat_weights_names(self) -> list[str]:
        return [name for names in self._all_weights for name in names]

    @property
    def _flat_weights(self) -> list[Any]:
        return [getattr(self, name) for names in self._all_weights for name in names]

    def __getstate__(self) -> dict[str, Any]:
        lists = {"_flat_weights_names": self._flat_weights_names, "_flat_weights": self._flat_weights}
        return {**super().__getstate__(), **lists}  # as PyTorch keeps them, which reads them back

    def __setstate__(self, state: dict[str, Any]) -> None:
        # PyTorch keeps its weights in a list beside the parameters as well; here the list is made when asked for
        known = {k: v for k, v in state.items() if not k.startswith("_flat_weight")}
        weights = known.pop("all_weights", None)
        super().__setstate__({"proj_size": 0, **known})
        if weights is not None:
            self._all_weights = weights
        names = self.__dict__.get("_all_weights")
        if not names or not isinstance(names[0][0], str):  # pickled before there were names
            self._all_weights = self._names()

    # ---- checks -------------------------------------------------------------------------------------------

    def _refusal(self, message: str, kind: type[Exception] = RuntimeError, **tensors: Any) -> Exception:
        return fail(self._get_name(), message, kind=kind, **tensors)

    def check_input(self, input: Tensor, batch_sizes: Tensor | None) -> None:
        """Refuse an input of another type, rank or number of features than the weights take."""
        weight = self._flat_weights[0]
        if input.dtype is not weight.dtype and weight.device.type not in autocast.on:
            message = (
                f"RNN input dtype ({input.dtype}) does not match weight dtype ({weight.dtype}). Convert input: "
                f"input.to({weight.dtype}), or convert model: model.to({input.dtype})"
            )
            raise self._refusal(message, ValueError, input=input)
        rank = 3 if batch_sizes is None else 2
        if input.dim() != rank:
            raise self._refusal(f"input must have {rank} dimensions, got {input.dim()}", input=input)
        if self.input_size != input.size(-1):
            message = f"input.size(-1) must be equal to input_size. Expected {self.input_size}, got {input.size(-1)}"
            raise self._refusal(message, input=input)

    def _batch(self, input: Tensor, batch_sizes: Tensor | None) -> int:
        if batch_sizes is not None:
            return int(batch_sizes[0])
        return input.size(0) if self.batch_first else input.size(1)

    def get_expected_hidden_size(self, input: Tensor, batch_sizes: Tensor | None) -> tuple[int, int, int]:
        """The shape that the state has to have beside this input."""
        layers = self.num_layers * self._directions
        return layers, self._batch(input, batch_sizes), self.proj_size or self.hidden_size

    def check_hidden_size(
        self,
        hx: Tensor,
        expected_hidden_size: tuple[int, int, int],
        msg: str = "Expected hidden size {}, got {}",
    ) -> None:
        """Refuse a state of another shape."""
        if tuple(hx.size()) != tuple(expected_hidden_size):
            raise self._refusal(msg.format(tuple(expected_hidden_size), list(hx.size())), hx=hx)

    def check_forward_args(self, input: Tensor, hidden: Any, batch_sizes: Tensor | None) -> None:
        """Refuse input and state that do not fit."""
        self.check_input(input, batch_sizes)
        self.check_hidden_size(hidden, self.get_expected_hidden_size(input, batch_sizes))

    # ---- forward ------------------------------------------------------------------------------------------

    def permute_hidden(self, hx: Any, permutation: Tensor | None) -> Any:
        """The states of the sequences in another order."""
        return hx if permutation is None else hx.index_select(1, permutation)

    def _states(self, input: Tensor, hx: Any, batch_sizes: Tensor | None, order: Tensor | None) -> Any:
        """The states to begin with, in the order of the sequences."""
        if hx is None:
            shape = self.get_expected_hidden_size(input, batch_sizes)
            return zeros(shape, dtype=input.dtype, device=input.device)
        return self.permute_hidden(hx, order)

    def _check_rank(self, input: Tensor) -> None:
        if input.dim() not in (2, 3):
            message = f"Expected input to be 2D or 3D, got {input.dim()}D instead"
            raise self._refusal(message, ValueError, input=input)

    def _batched(self, input: Tensor, hx: Any) -> tuple[Tensor, Any]:
        """Input and state with a dimension for the batch, where they came without."""
        if input.dim() == 3:
            if hx is not None and hx.dim() != 3:
                message = f"For batched 3-D input, hx should also be 3-D but got {hx.dim()}-D tensor"
                raise self._refusal(message, input=input, hx=hx)
            return input, hx
        if hx is not None:
            if hx.dim() != 2:
                message = f"For unbatched 2-D input, hx should also be 2-D but got {hx.dim()}-D tensor"
                raise self._refusal(message, input=input, hx=hx)
            hx = hx.unsqueeze(1)
        return input.unsqueeze(self._batch_dim), hx

    @property
    def _batch_dim(self) -> int:
        return 0 if self.batch_first else 1

    def _squeezed(self, states: Any) -> Any:
        """States without the dimension of a batch."""
        return states.squeeze(1)

    def _sequence(self, input: Any, hx: Any) -> Any:
        """The output and the last states, for a batch, a single sequence or packed ones."""
        if isinstance(input, PackedSequence):
            data, sizes, order, back = input
            hx = self._states(data, hx, sizes, order)
            self.check_forward_args(data, hx, sizes)
            output, states = self._run(data, sizes, hx)
            packed = PackedSequence(output, sizes, order, back)
            return packed, self.permute_hidden(states, back)
        self._check_rank(input)
        unbatched = input.dim() == 2
        input, hx = self._batched(input, hx)
        hx = self._states(input, hx, None, None)
        self.check_forward_args(input, hx, None)
        output, states = self._run(input, None, hx)
        if unbatched:
            return output.squeeze(self._batch_dim), self._squeezed(states)
        return output, states

    def _run(self, input: Tensor, batch_sizes: Tensor | None, hx: Any) -> tuple[Tensor, Any]:
        function = FUNCTIONS[self.mode]
        options = (
            self._flat_weights,
            self.bias,
            self.num_layers,
            self.dropout,
            self.training,
            self.bidirectional,
        )
        if batch_sizes is None:
            output, *states = function(input, hx, *options, self.batch_first)
        else:
            output, *states = function(input, batch_sizes, hx, *options)
        return output, tuple(states) if len(states) > 1 else states[0]

    def extra_repr(self) -> str:
        parts = [f"{self.input_size}, {self.hidden_size}"]
        defaults = {
            "proj_size": 0, "num_layers": 1, "bias": True, "batch_first": False, "dropout": 0, "bidirectional": False,
        }  # fmt: skip
        parts += [
            f"{name}={getattr(self, name)}"
            for name, value in defaults.items()
            if getattr(self, name) != value
        ]
        return ", ".join(parts)

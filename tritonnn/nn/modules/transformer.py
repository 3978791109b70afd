"""Transformer layers and stacks (Vaswani et al. 2017)."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.device import DeviceLike
from tritonnn.dtypes import dtype as DType
from tritonnn.errors import explained
from tritonnn.nn import functional as F
from tritonnn.nn import init
from tritonnn.nn._multi_head import canonical_mask
from tritonnn.nn._transformer_masks import (
    _generate_square_subsequent_mask,
    _is_causal,
    _sequence_length,
    leaves_out_padding,
    padding,
)
from tritonnn.nn.module import Module
from tritonnn.nn.modules.activation import GELU, ReLU
from tritonnn.nn.modules.attention import MultiheadAttention
from tritonnn.nn.modules.container import ModuleList
from tritonnn.nn.modules.dropout import Dropout
from tritonnn.nn.modules.linear import Linear
from tritonnn.nn.modules.normalization import LayerNorm

__all__ = [
    "Transformer", "TransformerDecoder", "TransformerDecoderLayer", "TransformerEncoder",
    "TransformerEncoderLayer",
]  # fmt: skip


def _get_activation_fn(activation: str) -> Callable[[Any], Any]:
    if activation == "relu":
        return F.relu
    if activation == "gelu":
        return F.gelu
    raise RuntimeError(f"activation should be relu/gelu, not {activation}")


def _relu_or_gelu(activation: object) -> int:
    """1 for relu and 2 for gelu, as functions or modules; 0 for others."""
    if activation is F.relu or isinstance(activation, ReLU):
        return 1
    return 2 if activation is F.gelu or isinstance(activation, GELU) else 0


def _get_clones(module: Module, n: int) -> ModuleList:
    return ModuleList([copy.deepcopy(module) for _ in range(n)])


class _Layer(Module):
    """Self-attention and feed-forward parts that encoder and decoder layers share."""

    def __init__(
        self, d_model: int, nhead: int, dim_feedforward: int = 2048, dropout: float = 0.1,
        activation: str | Callable[[Any], Any] = F.relu, layer_norm_eps: float = 1e-5,
        batch_first: bool = False, norm_first: bool = False, bias: bool = True,
        device: DeviceLike | None = None, dtype: DType | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        factory: dict[str, Any] = {"device": device, "dtype": dtype}
        self.self_attn = MultiheadAttention(
            d_model, nhead, dropout=dropout, bias=bias, batch_first=batch_first, device=device, dtype=dtype
        )
        if self._cross_attention:
            self.multihead_attn = MultiheadAttention(
                d_model,
                nhead,
                dropout=dropout,
                bias=bias,
                batch_first=batch_first,
                device=device,
                dtype=dtype,
            )
        self.linear1 = Linear(d_model, dim_feedforward, bias=bias, **factory)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias=bias, **factory)
        self.norm_first = norm_first
        count = 3 if self._cross_attention else 2
        for i in range(1, count + 1):
            self.add_module(f"norm{i}", LayerNorm(d_model, eps=layer_norm_eps, bias=bias, **factory))
        for i in range(1, count + 1):
            self.add_module(f"dropout{i}", Dropout(dropout))
        self.activation = _get_activation_fn(activation) if isinstance(activation, str) else activation
        if not self._cross_attention:
            self.activation_relu_or_gelu = _relu_or_gelu(self.activation)

    _cross_attention = False

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if not hasattr(self, "activation"):  # an activation that is a module is not in the state itself
            self.activation = F.relu
        if not self._cross_attention and "activation_relu_or_gelu" not in self.__dict__:
            self.activation_relu_or_gelu = _relu_or_gelu(self.activation)

    def _sa_block(
        self, x: Tensor, attn_mask: Tensor | None, key_padding_mask: Tensor | None, is_causal: bool = False
    ) -> Any:
        x = self.self_attn(
            x,
            x,
            x,
            attn_mask=attn_mask,
            key_padding_mask=key_padding_mask,
            need_weights=False,
            is_causal=is_causal,
        )[0]
        return self.dropout1(x)

    def _hidden(self, x: Tensor) -> Any:
        return self.linear2(self.dropout(self.activation(self.linear1(x))))


class TransformerEncoderLayer(_Layer):
    """x = norm(x + self-attention(x)); x = norm(x + W2·act(W1·x)).

    Args:
        d_model: features of input and output.
        nhead: attention heads.
        dim_feedforward: features between W1 and W2.
        dropout: after attention, activation and both parts.
        activation: 'relu', 'gelu' or a function.
        layer_norm_eps: eps of the layer norms.
        batch_first: whether batches are (N, S, E) instead of (S, N, E).
        norm_first: normalise before attention and feed-forward instead of after.
        bias: whether linear layers and norms have one.
        device, dtype: of the parameters.

    >>> import tritonnn as torch
    >>> layer = torch.nn.TransformerEncoderLayer(d_model=8, nhead=2, dim_feedforward=16)
    >>> layer(torch.ones(5, 3, 8)).shape
    torch.Size([5, 3, 8])
    """

    def forward(
        self,
        src: Tensor,
        src_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool = False,
    ) -> Any:
        """Encode `src`; masks as of `MultiheadAttention`."""
        x = src
        if self.norm_first:
            x = x + self._sa_block(self.norm1(x), src_mask, src_key_padding_mask, is_causal)
            return x + self._ff_block(self.norm2(x))
        x = self.norm1(x + self._sa_block(x, src_mask, src_key_padding_mask, is_causal))
        return self.norm2(x + self._ff_block(x))

    def _ff_block(self, x: Tensor) -> Any:
        return self.dropout2(self._hidden(x))


class TransformerDecoderLayer(_Layer):
    """An encoder layer with attention to the encoder's output (`memory`) between its two parts.

    Args: as of `TransformerEncoderLayer`.

    >>> import tritonnn as torch
    >>> layer = torch.nn.TransformerDecoderLayer(d_model=8, nhead=2, dim_feedforward=16)
    >>> layer(torch.ones(6, 3, 8), torch.ones(5, 3, 8)).shape
    torch.Size([6, 3, 8])
    """

    _cross_attention = True

    def forward(
        self, tgt: Tensor, memory: Tensor, tgt_mask: Tensor | None = None, memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None, memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool = False, memory_is_causal: bool = False,
    ) -> Any:  # fmt: skip
        """Decode `tgt` (T, N, E) given `memory` (S, N, E); masks as of `MultiheadAttention`."""
        own = (tgt_mask, tgt_key_padding_mask, tgt_is_causal)
        other = (memory, memory_mask, memory_key_padding_mask, memory_is_causal)
        x = tgt
        if self.norm_first:
            x = x + self._sa_block(self.norm1(x), *own)
            x = x + self._mha_block(self.norm2(x), *other)
            return x + self._ff_block(self.norm3(x))
        x = self.norm1(x + self._sa_block(x, *own))
        x = self.norm2(x + self._mha_block(x, *other))
        return self.norm3(x + self._ff_block(x))

    def _mha_block(
        self, x: Tensor, mem: Tensor, attn_mask: Tensor | None, key_padding_mask: Tensor | None,
        is_causal: bool = False,
    ) -> Any:  # fmt: skip
        x = self.multihead_attn(
            x, mem, mem, attn_mask=attn_mask, key_padding_mask=key_padding_mask, need_weights=False,
            is_causal=is_causal,
        )[0]  # fmt: skip
        return self.dropout2(x)

    def _ff_block(self, x: Tensor) -> Any:
        return self.dropout3(self._hidden(x))


class TransformerEncoder(Module):
    """A stack of copies of one encoder layer.

    Args:
        encoder_layer: copied num_layers times; a `TransformerEncoderLayer` or any module with such a forward.
        num_layers: height of the stack.
        norm: applied to the output.
        enable_nested_tensor: in evaluation, where no gradients are recorded and `src_key_padding_mask` is the only
            mask, leave padded positions out, whose output is 0 then; of relu or gelu layers with batches first,
            biases, an even number of heads, and norms at the end.
        mask_check: leave them out only where all padding is at the end; otherwise that is taken for granted.

    >>> import tritonnn as torch
    >>> layer = torch.nn.TransformerEncoderLayer(d_model=8, nhead=2, dim_feedforward=16)
    >>> torch.nn.TransformerEncoder(layer, num_layers=2)(torch.ones(5, 3, 8)).shape
    torch.Size([5, 3, 8])
    """

    def __init__(
        self, encoder_layer: Module, num_layers: int, norm: Module | None = None,
        enable_nested_tensor: bool = True, mask_check: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        self.layers = _get_clones(encoder_layer, num_layers)
        self.num_layers = num_layers
        self.norm = norm
        self.enable_nested_tensor = enable_nested_tensor
        self.use_nested_tensor = (
            enable_nested_tensor
            and isinstance(encoder_layer, TransformerEncoderLayer)
            and leaves_out_padding(encoder_layer)
        )
        self.mask_check = mask_check

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__({"use_nested_tensor": False, "mask_check": True, **state})

    def forward(
        self,
        src: Tensor,
        mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool | None = None,
    ) -> Any:
        """Encode `src`; whether `mask` is causal is found out by comparison unless `is_causal` says it."""
        name = "src_key_padding_mask"
        padded = canonical_mask(src_key_padding_mask, name, getattr(mask, "dtype", None), "mask", src.dtype)
        mask = canonical_mask(mask, "mask", None, "", src.dtype)
        attention = getattr(self.layers[0], "self_attn", None)
        if src.is_nested and padded is not None:
            raise NotImplementedError("TransformerEncoder: a nested tensor has no padding to mask")
        length = None if src.is_nested else _sequence_length(src, getattr(attention, "batch_first", False))
        left_out = padding(self, src, mask, padded)
        if left_out is None:
            causal = _is_causal(mask, is_causal, length)
        else:  # without a mask, the hint that it is the causal one says nothing
            causal, padded = False, canonical_mask(left_out, name, None, "", src.dtype)
        output: Any = src
        for layer in self.layers:
            output = layer(output, src_mask=mask, is_causal=causal, src_key_padding_mask=padded)
        if left_out is not None:
            output = output.masked_fill(left_out.unsqueeze(-1), 0)
        return output if self.norm is None else self.norm(output)


class TransformerDecoder(Module):
    """A stack of copies of one decoder layer.

    Args:
        decoder_layer: copied num_layers times.
        num_layers: height of the stack.
        norm: applied to the output.

    >>> import tritonnn as torch
    >>> layer = torch.nn.TransformerDecoderLayer(d_model=8, nhead=2, dim_feedforward=16)
    >>> torch.nn.TransformerDecoder(layer, num_layers=2)(torch.ones(6, 3, 8), torch.ones(5, 3, 8)).shape
    torch.Size([6, 3, 8])
    """

    def __init__(self, decoder_layer: Module, num_layers: int, norm: Module | None = None) -> None:
        super().__init__()
        self.layers = _get_clones(decoder_layer, num_layers)
        self.num_layers = num_layers
        self.norm = norm

    def forward(
        self, tgt: Tensor, memory: Tensor, tgt_mask: Tensor | None = None, memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None, memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool | None = None, memory_is_causal: bool = False,
    ) -> Any:  # fmt: skip
        """Decode `tgt` given `memory`; arguments as of `TransformerDecoderLayer`."""
        attention = getattr(self.layers[0], "self_attn", None)
        length = _sequence_length(tgt, getattr(attention, "batch_first", False))
        causal = _is_causal(tgt_mask, tgt_is_causal, length)
        output = tgt
        for layer in self.layers:
            output = layer(
                output, memory, tgt_mask=tgt_mask, memory_mask=memory_mask,
                tgt_key_padding_mask=tgt_key_padding_mask,
                memory_key_padding_mask=memory_key_padding_mask, tgt_is_causal=causal,
                memory_is_causal=memory_is_causal,
            )  # fmt: skip
        return output if self.norm is None else self.norm(output)


class Transformer(Module):
    """Encoder and decoder stacks, each with a final layer norm.

    Args:
        d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first, bias,
        device,
            dtype: as of `TransformerEncoderLayer`.
        num_encoder_layers, num_decoder_layers: heights of the stacks.
        custom_encoder, custom_decoder: modules to use in place of the stacks.

    Shapes: src (S, N, E), tgt (T, N, E), or with `batch_first` N first; output like tgt. Matrices start by
    xavier_uniform.

    >>> import tritonnn as torch
    >>> m = torch.nn.Transformer(16, 4, num_encoder_layers=1, num_decoder_layers=1, dim_feedforward=32)
    >>> m(torch.ones(10, 3, 16), torch.ones(20, 3, 16)).shape
    torch.Size([20, 3, 16])
    """

    def __init__(
        self, d_model: int = 512, nhead: int = 8, num_encoder_layers: int = 6, num_decoder_layers: int = 6,
        dim_feedforward: int = 2048, dropout: float = 0.1, activation: str | Callable[[Any], Any] = F.relu,
        custom_encoder: Module | None = None, custom_decoder: Module | None = None,
        layer_norm_eps: float = 1e-5, batch_first: bool = False, norm_first: bool = False, bias: bool = True,
        device: DeviceLike | None = None, dtype: DType | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        common = (
            d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first,
            bias,
            device, dtype,
        )  # fmt: skip

        def norm() -> LayerNorm:
            return LayerNorm(d_model, eps=layer_norm_eps, bias=bias, device=device, dtype=dtype)

        if custom_encoder is not None:
            self.encoder = custom_encoder
        else:
            self.encoder = TransformerEncoder(TransformerEncoderLayer(*common), num_encoder_layers, norm())
        if custom_decoder is not None:
            self.decoder = custom_decoder
        else:
            self.decoder = TransformerDecoder(TransformerDecoderLayer(*common), num_decoder_layers, norm())
        self._reset_parameters()
        self.d_model = d_model
        self.nhead = nhead
        self.batch_first = batch_first

    def _reset_parameters(self) -> None:
        for param in self.parameters():
            if param.ndim > 1:
                init.xavier_uniform_(param)

    @staticmethod
    def generate_square_subsequent_mask(
        sz: int, device: DeviceLike | None = None, dtype: DType | None = None
    ) -> Any:
        """The causal mask (sz, sz): -inf above the diagonal, 0 elsewhere.

        >>> import tritonnn as torch
        >>> torch.nn.Transformer.generate_square_subsequent_mask(2)
        tensor([[0., -inf],
                [0., 0.]])
        """
        return _generate_square_subsequent_mask(sz, device, dtype)

    def forward(
        self, src: Tensor, tgt: Tensor, src_mask: Tensor | None = None, tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None, src_key_padding_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None, memory_key_padding_mask: Tensor | None = None,
        src_is_causal: bool | None = None, tgt_is_causal: bool | None = None, memory_is_causal: bool = False,
    ) -> Any:  # fmt: skip
        """Encode `src` and decode `tgt`; masks (S, S), (T, T), (T, S), padding masks (N, S), (N, T), (N,
        S).
        """
        batch_dim = 0 if self.batch_first else 1
        if src.ndim == 3 and src.shape[batch_dim] != tgt.shape[batch_dim]:
            raise explained(RuntimeError)("the batch number of src and tgt must be equal")
        if src.shape[-1] != self.d_model or tgt.shape[-1] != self.d_model:
            raise explained(RuntimeError)("the feature number of src and tgt must be equal to d_model")
        memory = self.encoder(
            src, mask=src_mask, src_key_padding_mask=src_key_padding_mask, is_causal=src_is_causal
        )
        return self.decoder(
            tgt, memory, tgt_mask=tgt_mask, memory_mask=memory_mask,
            tgt_key_padding_mask=tgt_key_padding_mask, memory_key_padding_mask=memory_key_padding_mask,
            tgt_is_causal=tgt_is_causal, memory_is_causal=memory_is_causal,
        )  # fmt: skip

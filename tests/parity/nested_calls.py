"""Calls with nested tensors, of both layouts, for the comparison with PyTorch: name -> what is called.

A call is given the library, the nested tensor `x` of components (n, 6), and `d`, which makes dense tensors.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Call = Callable[[Any, Any, Any], Any]

UNARY = (
    "abs", "acos", "asin", "atan", "ceil", "cos", "cosh", "digamma", "erf", "exp", "expm1", "floor", "frac",
    "lgamma", "log1p", "neg", "reciprocal", "relu", "round", "rsqrt", "sgn", "sigmoid", "sign", "sin", "sinh",
    "sqrt", "square", "tan", "tanh", "trunc", "isnan", "isinf", "isfinite", "signbit", "logical_not", "positive",
    "deg2rad", "nan_to_num", "bool", "double", "half", "bfloat16", "long", "int", "float", "clone", "detach",
    "contiguous", "cpu", "zero_", "abs_", "exp_",
)  # fmt: skip
FUNCTIONAL = (
    "relu", "relu6", "gelu", "silu", "leaky_relu", "elu", "selu", "celu", "hardtanh", "hardshrink", "softshrink",
    "softplus", "logsigmoid", "hardsigmoid", "hardswish", "tanhshrink", "mish", "softsign",
)  # fmt: skip
BINARY = (
    "add", "sub", "mul", "div", "remainder", "fmod", "maximum", "minimum", "fmax", "fmin", "atan2", "copysign",
    "eq", "ne", "lt", "le", "gt", "ge", "logical_and", "logical_or", "logical_xor", "hypot", "logaddexp",
    "floor_divide",
)  # fmt: skip
REDUCTIONS = ("sum", "mean", "amax", "amin", "prod", "all", "any", "argmax", "argmin", "max", "min")
DIMS: dict[str, dict[str, Any]] = {
    "": {}, "0": {"dim": 0}, "1": {"dim": 1}, "2": {"dim": 2}, "-1": {"dim": -1}, "01": {"dim": (0, 1)},
    "12": {"dim": (1, 2)}, "012": {"dim": (0, 1, 2)}, "1k": {"dim": 1, "keepdim": True},
    "2k": {"dim": 2, "keepdim": True}, "-1k": {"dim": -1, "keepdim": True}, "01k": {"dim": (0, 1), "keepdim": True},
    "3": {"dim": 3},
}  # fmt: skip


def heads(x: Any) -> Any:
    """(B, 2, length, 3)."""
    return x.view(x.size(0), -1, 2, 3).transpose(1, 2)


def _unary(name: str) -> Call:
    return lambda t, x, d: getattr(x, name)()


def _functional(name: str) -> Call:
    return lambda t, x, d: getattr(t.nn.functional, name)(x)


def _binary(name: str) -> Call:
    return lambda t, x, d: getattr(t, name)(x, (x * 2).detach() + 1)


def _reduction(name: str, options: dict[str, Any]) -> Call:
    return lambda t, x, d: getattr(x > 0 if name in ("all", "any") else x, name)(**options)


def _times(shape: tuple[Any, ...]) -> Call:
    return lambda t, x, d: x * d(*[x.size(0) if extent == "B" else extent for extent in shape])


CALLS: dict[str, Call] = {
    **{name: _unary(name) for name in UNARY},
    **{f"F.{name}": _functional(name) for name in FUNCTIONAL},
    **{f"{name} nested": _binary(name) for name in BINARY},
    **{f"{name} {key}": _reduction(name, options) for name in REDUCTIONS for key, options in DIMS.items()},
    # operators and broadcasting
    "x + 1": lambda t, x, d: x + 1,
    "1 + x": lambda t, x, d: 1 + x,
    "1 - x": lambda t, x, d: 1 - x,
    "x / 2": lambda t, x, d: x / 2,
    "x ** 2": lambda t, x, d: x**2,
    "2 ** x": lambda t, x, d: 2**x,
    "x > 0": lambda t, x, d: x > 0,
    "-x": lambda t, x, d: -x,
    "~": lambda t, x, d: ~(x > 0),
    "x + x of other offsets": lambda t, x, d: x + t.nested.nested_tensor([*x.detach().unbind()], layout=x.layout),
    "x + other shapes": lambda t, x, d: x + t.nested.nested_tensor([c[:0] for c in x.unbind()] * 2, layout=x.layout),
    **{
        f"x * {shape}": _times(shape)
        for shape in ((), (6,), (1,), (5,), (1, 6), (1, 1), (4, 6), ("B", 1, 6), ("B", 1, 1), (1, 1, 6), (1, 1, 1))
    },
    "6 + x": lambda t, x, d: d(6) + x,
    "(B, 1, 6) - x": lambda t, x, d: d(x.size(0), 1, 6) - x,
    "more dimensions": lambda t, x, d: x * d(2, x.size(0), 1, 6),
    "add_ 1": lambda t, x, d: x.clone().add_(1),
    "mul_ nested": lambda t, x, d: x.clone().mul_(x),
    "fill_": lambda t, x, d: x.clone().fill_(2.0),
    "copy_": lambda t, x, d: x.clone().copy_(x * 2),
    "copy_ dense": lambda t, x, d: x.clone().copy_(d(x.size(0), 1, 6)),
    "clamp": lambda t, x, d: x.clamp(-0.5, 0.5),
    "where": lambda t, x, d: t.where(x > 0, x, x * 2),
    "masked_fill": lambda t, x, d: x.masked_fill(x > 0, 0.0),
    "lerp": lambda t, x, d: t.lerp(x, x * 2, 0.3),
    "threshold": lambda t, x, d: t.nn.functional.threshold(x, 0.1, -1.0),
    "dropout 0": lambda t, x, d: t.nn.functional.dropout(x, 0.0),
    "dropout eval": lambda t, x, d: t.nn.functional.dropout(x, 0.5, training=False),
    "zeros_like": lambda t, x, d: t.zeros_like(x),
    "ones_like": lambda t, x, d: t.ones_like(x, dtype=t.int64),
    "to": lambda t, x, d: x.to(t.float64),
    "type_as": lambda t, x, d: x.type_as(d(1).double()),
    # layers and products
    "linear": lambda t, x, d: t.nn.functional.linear(x, d(5, 6)),
    "linear bias": lambda t, x, d: t.nn.functional.linear(x, d(5, 6), d(5)),
    "linear wrong": lambda t, x, d: t.nn.functional.linear(x, d(5, 7)),
    "matmul": lambda t, x, d: x @ d(6, 5),
    "matmul batch": lambda t, x, d: x @ d(x.size(0), 6, 5),
    "matmul heads": lambda t, x, d: t.matmul(x.view(x.size(0), -1, 2, 3), d(3, 4)),
    "matmul outer": lambda t, x, d: x @ x.transpose(1, 2),
    "matmul inner": lambda t, x, d: x.transpose(1, 2) @ x,
    "bmm": lambda t, x, d: t.bmm(x, d(x.size(0), 6, 5)),
    "layer_norm": lambda t, x, d: t.nn.functional.layer_norm(x, (6,), d(6), d(6)),
    "layer_norm plain": lambda t, x, d: t.nn.functional.layer_norm(x, (6,)),
    "layer_norm too much": lambda t, x, d: t.nn.functional.layer_norm(x, (9, 6), d(9, 6), d(9, 6)),
    "rms_norm": lambda t, x, d: t.nn.functional.rms_norm(x, (6,), d(6)),
    "softmax -1": lambda t, x, d: t.softmax(x, -1),
    "softmax 0": lambda t, x, d: t.softmax(x, 0),
    "softmax 1": lambda t, x, d: t.softmax(x, 1),
    "softmax 2": lambda t, x, d: t.softmax(x, 2),
    "log_softmax": lambda t, x, d: t.nn.functional.log_softmax(x, -1),
    "attention": lambda t, x, d: t.nn.functional.scaled_dot_product_attention(heads(x), heads(x), heads(x * 2)),
    "attention scale": lambda t, x, d: t.nn.functional.scaled_dot_product_attention(
        heads(x), heads(x), heads(x), scale=0.2
    ),
    "attention mask": lambda t, x, d: t.nn.functional.scaled_dot_product_attention(
        heads(x), heads(x), heads(x), attn_mask=d(4, 4)
    ),
    "triu": lambda t, x, d: t.triu(x),
    "cumsum": lambda t, x, d: t.cumsum(x, 2),
    # shapes
    "transpose": lambda t, x, d: x.transpose(1, 2),
    "transpose batch": lambda t, x, d: x.transpose(0, 1),
    "transpose twice": lambda t, x, d: x.transpose(1, 2).transpose(1, 2),
    "mT": lambda t, x, d: x.mT,
    "permute": lambda t, x, d: x.permute(0, 2, 1),
    "permute batch": lambda t, x, d: x.permute(1, 0, 2),
    "t": lambda t, x, d: x.t(),
    "chunk": lambda t, x, d: x.chunk(2, -1),
    "chunk uneven": lambda t, x, d: x.chunk(4, -1),
    "chunk ragged": lambda t, x, d: x.chunk(2, 1),
    "split": lambda t, x, d: x.split(4, -1),
    "split sizes": lambda t, x, d: x.split([1, 5], -1),
    "split batch": lambda t, x, d: x.split(1, 0),
    "unsqueeze -1": lambda t, x, d: x.unsqueeze(-1),
    "unsqueeze 1": lambda t, x, d: x.unsqueeze(1),
    "unsqueeze 0": lambda t, x, d: x.unsqueeze(0),
    "squeeze": lambda t, x, d: x.unsqueeze(-1).squeeze(-1),
    "squeeze all": lambda t, x, d: x.squeeze(),
    "view": lambda t, x, d: x.view(x.size(0), -1, 2, 3),
    "view back": lambda t, x, d: x.view(x.size(0), -1, 2, 3).reshape(x.size(0), -1, 6),
    "view wrong": lambda t, x, d: x.view(x.size(0), -1, 5),
    "view flat": lambda t, x, d: x.reshape(18),
    "flatten": lambda t, x, d: x.view(x.size(0), -1, 2, 3).flatten(-2),
    "flatten all": lambda t, x, d: x.flatten(),
    "unflatten": lambda t, x, d: x.unflatten(-1, (2, 3)),
    "cat": lambda t, x, d: t.cat([x, x * 2], -1),
    "cat batch": lambda t, x, d: t.cat([x, x * 2], 0),
    "cat dense": lambda t, x, d: t.cat([x, d(3, 4, 6)], -1),
    "stack": lambda t, x, d: t.stack([x, x], -1),
    "stack batch": lambda t, x, d: t.stack([x, x]),
    "expand": lambda t, x, d: x.unsqueeze(-1).expand(-1, -1, -1, 2),
    "narrow": lambda t, x, d: x.narrow(2, 0, 3),
    "narrow ragged": lambda t, x, d: x.narrow(1, 0, 1),
    "select": lambda t, x, d: x.select(2, 1),
    "select batch": lambda t, x, d: x.select(0, 0),
    "x[0]": lambda t, x, d: x[0],
    "x[-1]": lambda t, x, d: x[-1],
    "x[9]": lambda t, x, d: x[9],
    "x[0, ..., 0]": lambda t, x, d: x[0, ..., 0],
    "x[..., 0]": lambda t, x, d: x[..., 0],
    "x[..., :3]": lambda t, x, d: x[..., :3],
    "x[..., None]": lambda t, x, d: x[..., None],
    "x[None]": lambda t, x, d: x[None],
    "x[0:2]": lambda t, x, d: x[0:2],
    "x[tensor]": lambda t, x, d: x[t.tensor([0])],
    "unbind": lambda t, x, d: x.unbind(),
    "unbind 1": lambda t, x, d: x.unbind(1),
    "padded": lambda t, x, d: x.to_padded_tensor(-1.0),
    "padded function": lambda t, x, d: t.nested.to_padded_tensor(x, 2.5),
    "padded size": lambda t, x, d: x.to_padded_tensor(0.0, (x.size(0), 7, 6)),
    "values": lambda t, x, d: x.values(),
    # what it is
    "questions": lambda t, x, d: (
        x.is_nested, x.dim(), x.ndim, x.numel(), x.size(0), x.size(-1), repr(x.layout), str(x.dtype), str(x.device),
        x.is_floating_point(), x.is_leaf, x.requires_grad, x.is_contiguous(), x.element_size(), x.is_sparse,
        x.is_same_size(x * 2), t.is_tensor(x), t.is_floating_point(x), t.numel(x),
    ),
    "len": lambda t, x, d: len(x),
    "list": lambda t, x, d: list(x),
    "size 9": lambda t, x, d: x.size(9),
    "tolist": lambda t, x, d: x.tolist(),
    "numpy": lambda t, x, d: x.numpy(),
    "bool of it": lambda t, x, d: bool(x) if x.numel() != 1 else None,
    "item": lambda t, x, d: x.item() if x.numel() != 1 else None,
}  # fmt: skip

"""What masked tensors do with the calls that they are given to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.masked import _normalizations, _reductions

Pair = Callable[[Tensor, Tensor], Any]


def _of(value: Any, part: str) -> Any:
    """A value with the data, or the masks, in the place of masked tensors."""
    if isinstance(value, Tensor):
        return vars(value).get(part, value) if "_masked_data" in vars(value) else value
    return type(value)([_of(item, part) for item in value]) if value.__class__ in (list, tuple) else value


def _data(value: Any) -> Any:
    return _of(value, "_masked_data")


def _is_masked(value: Any) -> bool:
    return isinstance(value, Tensor) and "_masked_data" in vars(value)


def _masks(args: Any) -> list[Tensor]:
    return [vars(arg)["_masked_mask"] for arg in args if _is_masked(arg)]


def answer(name: str, func: Callable, args: tuple, kwargs: dict[str, Any], pair: Pair) -> Any:
    """The result of a call."""
    return CALLS[name](name, func, args, kwargs, pair)


def _elementwise(name: str, func: Callable, args: tuple, kwargs: dict, pair: Pair) -> Any:
    masks = _masks((*args, *kwargs.values()))
    mask = masks[0]
    if any(
        [
            other is not mask and (other.shape != mask.shape or not bool((other == mask).all()))
            for other in masks
        ]
    ):
        raise ValueError(
            "Input masks must match. If you need support for this, please open an issue on Github. Hint: give one of "
            "the operands as a plain tensor, by .to_tensor(value)"
        )
    result = func(*_data(args), **{key: _data(value) for key, value in kwargs.items()})
    if result is _data(args[0]):
        return args[0]
    return pair(result, mask.expand(result.shape))


def _viewed(name: str, func: Callable, args: tuple, kwargs: dict, pair: Pair) -> Any:
    data = func(*_data(args), **kwargs)
    mask = func(*_of(args, "_masked_mask"), **kwargs)
    if isinstance(data, (tuple, list)):
        return tuple([pair(*parts) for parts in zip(data, mask)])
    return pair(data, mask)


def _converted(name: str, func: Callable, args: tuple, kwargs: dict, pair: Pair) -> Any:
    data = func(*_data(args), **kwargs)
    return pair(data, vars(args[0])["_masked_mask"].to(data.device))


def _reduced(name: str, func: Callable, args: tuple, kwargs: dict, pair: Pair) -> Any:
    self, *rest = args
    given = dict(zip(("dim", "keepdim"), rest), **kwargs)
    dim, keepdim = given.pop("dim", None), given.pop("keepdim", False)
    data, mask = vars(self)["_masked_data"], vars(self)["_masked_mask"]
    counted = mask.any() if dim is None and not keepdim else _any(mask, dim, keepdim)
    if name == "all":
        return pair(data.masked_fill(~mask, True).all(*_dims(dim, keepdim)), counted)
    result = getattr(_reductions, name)(data, dim, keepdim=keepdim, mask=mask, **given)
    return pair(result, counted)


def _any(mask: Tensor, dim: Any, keepdim: bool) -> Tensor:
    dims = range(mask.ndim) if dim is None else [dim] if isinstance(dim, int) else dim
    for d in sorted([d % max(mask.ndim, 1) for d in dims], reverse=True):
        mask = mask.any(d, keepdim=keepdim)
    return mask


def _dims(dim: Any, keepdim: bool) -> tuple:
    return () if dim is None else (dim, keepdim)


def _normalized(name: str, func: Callable, args: tuple, kwargs: dict, pair: Pair) -> Any:
    self, *rest = args
    given = dict(zip(("dim",), rest), **kwargs)
    given.pop("_stacklevel", None)
    mask = vars(self)["_masked_mask"]
    result = getattr(_normalizations, name)(
        vars(self)["_masked_data"], given["dim"], dtype=given.get("dtype"), mask=mask
    )
    return pair(result, mask)


def _chosen(name: str, func: Callable, args: tuple, kwargs: dict, pair: Pair) -> Any:
    condition, input, other = args
    chosen = _data(condition)
    masks = [
        vars(value)["_masked_mask"] if _is_masked(value) else chosen.new_ones(chosen.shape)
        for value in (input, other)
    ]
    return pair(func(chosen, _data(input), _data(other)), func(chosen, *masks))


def _told(name: str, func: Callable, args: tuple, kwargs: dict, pair: Pair) -> Any:
    """What is the data's to say."""
    return func(*_data(args), **kwargs)


def _number(name: str, func: Callable, args: tuple, kwargs: dict, pair: Pair) -> Any:
    if not bool(vars(args[0])["_masked_mask"]):
        raise ValueError(f"{name}: the element of this masked tensor does not count: its mask is False")
    return func(*_data(args), **kwargs)


def _same(name: str, func: Callable, args: tuple, kwargs: dict, pair: Pair) -> Any:
    func(*_data(args), **kwargs)
    return args[0]


def _gradient(name: str, func: Callable, args: tuple, kwargs: dict, pair: Pair) -> Any:
    grad = func(*_data(args))
    return None if grad is None else pair(grad, vars(args[0])["_masked_mask"])


def _back(name: str, func: Callable, args: tuple, kwargs: dict, pair: Pair) -> Any:
    return func(*_data(args), **{key: _data(value) for key, value in kwargs.items()})


def _hooked(name: str, func: Callable, args: tuple, kwargs: dict, pair: Pair) -> Any:
    self, hook = args
    mask = vars(self)["_masked_mask"]
    return func(_data(self), lambda grad: _data(hook(pair(grad, mask))))


def _table(rows: dict[Callable, str]) -> dict[str, Callable]:
    return {name: answered for answered, names in rows.items() for name in names.split()}


_UNARY = (
    "abs absolute acos arccos acosh arccosh angle asin arcsin asinh arcsinh atan arctan atanh arctanh bitwise_not ceil "
    "clamp clip conj_physical cos cosh deg2rad digamma erf erfc erfinv exp exp2 expm1 fix floor frac lgamma log log10 "
    "log1p log2 logit i0 isnan isinf isfinite nan_to_num neg negative positive pow rad2deg reciprocal round rsqrt "
    "sigmoid sign sgn signbit sin sinc sinh sqrt square tan tanh trunc"
)
_BINARY = (
    "add atan2 arctan2 bitwise_and bitwise_or bitwise_xor bitwise_left_shift bitwise_right_shift div divide "
    "floor_divide fmod logaddexp logaddexp2 mul multiply nextafter remainder sub subtract true_divide eq ne le ge "
    "greater greater_equal gt isclose less_equal lt less maximum minimum fmax fmin not_equal rsub"
)
_OPERATORS = " ".join([
    f"__{way}{name}__"
    for way in ("", "r", "i")
    for name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "and", "or", "xor", "div")
])  # fmt: skip
_IN_PLACE = " ".join([f"{name}_" for name in f"{_UNARY} {_BINARY}".split()])

#: name -> what answers it
CALLS: dict[str, Callable] = _table({
    _elementwise: f"{_UNARY} {_BINARY} {_OPERATORS} {_IN_PLACE} __neg__ __abs__ __invert__ __eq__ __ne__ __lt__ __le__ "
    "__gt__ __ge__ copy_",
    _viewed: "view reshape t transpose unsqueeze expand permute select narrow split chunk unbind cat stack flatten "
    "view_as swapaxes squeeze flip __getitem__ detach clone contiguous T.__get__ mT.__get__ repeat",
    _converted: "to float double half int long bool cpu cuda type short",
    _reduced: "sum mean amax amin argmax argmin prod all var std norm",
    _normalized: "softmax log_softmax softmin",
    _chosen: "where",
    _told: "size dim ndimension numel nelement stride storage_offset is_contiguous is_floating_point is_complex "
    "element_size get_device __len__ shape.__get__ dtype.__get__ device.__get__ ndim.__get__ layout.__get__ "
    "is_sparse.__get__ is_cuda.__get__ is_cpu.__get__ is_meta.__get__ itemsize.__get__ nbytes.__get__ is_leaf.__get__ "
    "requires_grad.__get__ requires_grad.__set__ grad_fn.__get__ is_nested.__get__ is_quantized.__get__ "
    "retains_grad.__get__ _version.__get__ is_mps.__get__ is_sparse_csr.__get__ names.__get__",
    _number: "item __bool__ __float__ __int__ __complex__ __index__",
    _same: "requires_grad_ retain_grad",
    _gradient: "grad.__get__",
    _back: "backward grad.__set__",
    _hooked: "register_hook",
})  # fmt: skip

"""A linear layer and the cross-entropy of its scores as one op, which never holds all the scores."""

from __future__ import annotations

from typing import Any

from tritonnn import dtypes
from tritonnn._levels import highest
from tritonnn._tensor import Tensor
from tritonnn.dispatch import cast, lower_precision
from tritonnn.dtypes import dtype as DType
from tritonnn.errors import Invalid, fail, warn
from tritonnn.ops._definitions import losses as define
from tritonnn.ops._fused import TYPE_NAMES, Grads, on_demand, only_floating, spread, statistics_dtype
from tritonnn.ops._table import Bad, Out, Sample, composite, primitive, writing
from tritonnn.ops.linalg.linalg import linear, matmul_nd
from tritonnn.ops.loss._chunking import LinearCrossEntropyOptions, resolve_chunking
from tritonnn.ops.loss.cross_entropy import check_classes, cross_entropy, fused_cross_entropy_backward
from tritonnn.ops.loss.loss import resolve
from tritonnn.recording.grad_mode import state
from tritonnn.shape import numel
from tritonnn.table import Make
from tritonnn.table.types import Count

IGNORED = -100


def _grads(
    g: Tensor, input: Tensor, linear_weight: Tensor, linear_bias: Tensor | None, target: Tensor,
    weight: Tensor | None, shift: Tensor, sumexp: Tensor, total_weight: Tensor, grad_input: Tensor,
    grad_weight: Tensor, grad_bias: Tensor, ignore_index: int, label_smoothing: float, reduction: str,
    chunking: Any, spent: list[bool] | None, needs: Any,
) -> Grads:  # fmt: skip
    mask = tuple(needs[:3])
    saved = (target, weight, shift, sumexp, total_weight, ignore_index, label_smoothing)
    if spent is not None:
        if spent:
            raise RuntimeError(
                "linear_cross_entropy: backward called twice, which its options do not allow; "
                "LinearCrossEntropyOptions(allow_retain_graph=True) does"
            )
        spent.append(True)
    if state.enabled:
        grads = _recorded(g, input, linear_weight, linear_bias, saved, reduction, mask)
    elif reduction == "none":
        grads = linear_cross_entropy_backward(g, input, linear_weight, linear_bias, *saved, chunking, mask)
    else:
        free = spent is not None or not state.keeps_graph
        sums, total = (grad_input, grad_weight, grad_bias), total_weight if reduction == "mean" else None
        counted = _counted(target, weight, total, ignore_index)
        grads = [
            _received(x, input.dtype, g, total, some, free) if m else None
            for x, some, m in zip(sums, counted, mask, strict=True)
        ]
    return spread(grads, mask, (0, 1, 2), len(needs))


def _recorded(
    g: Tensor, input: Tensor, linear_weight: Tensor, linear_bias: Tensor | None, saved: tuple, reduction: str,
    mask: tuple[bool, ...],
) -> list[Tensor | None]:  # fmt: skip
    """The wanted gradients by ops that have derivatives, with all scores at once."""
    scores: Any = linear(input, linear_weight, linear_bias)
    d = fused_cross_entropy_backward(*(g, scores, *saved, reduction))
    return [
        matmul_nd(d, linear_weight) if mask[0] else None,
        matmul_nd(d.transpose(0, 1), input) if mask[1] else None,
        d.sum(0) if mask[2] else None,
    ]


def _counted(
    target: Tensor, weight: Tensor | None, total: Tensor | None, ignore_index: int
) -> tuple[Tensor | None, ...]:
    """Where a mean has gradients of input, weight and bias; a mean over weights that are all 0 has, which are nan."""
    if total is None or weight is None:
        return total, total, total
    rows = target != ignore_index
    some = rows.any()
    return rows.unsqueeze(1), some, some


def _received(
    sums: Tensor, kind: DType, g: Tensor, total: Tensor | None, counted: Tensor | None, free: bool
) -> Tensor:
    """A gradient that forward computed, times what the loss receives; in its own memory where that is `free`."""
    out = sums.data if free and sums.dtype is kind else sums.new_empty(sums.shape, dtype=kind)
    scale_gradient(out, sums, g, total, counted)
    return out


@primitive(
    public="linear_cross_entropy",
    results=("result", "shift", "sumexp", "total_weight", "grad_input", "grad_weight", "grad_bias"),
    own_form=("shift", "sumexp"),
    non_differentiable=("shift", "sumexp", "total_weight", "grad_input", "grad_weight", "grad_bias"),
    rule_only=("spent",), preserved=("input", "linear_weight", "linear_bias", "weight"),
    backward=lambda g, input, linear_weight, linear_bias, target, weight, shift, sumexp, total_weight, grad_input,
    grad_weight, grad_bias, ignore_index, label_smoothing, reduction, chunking, spent, needs: _grads(
        g, input, linear_weight, linear_bias, target, weight, shift, sumexp, total_weight, grad_input, grad_weight,
        grad_bias, ignore_index, label_smoothing, reduction, chunking, spent, needs),
)  # fmt: skip
def fused_linear_cross_entropy(
    input: Tensor, linear_weight: Tensor, linear_bias: Tensor | None, target: Tensor, weight: Tensor | None,
    ignore_index: int, label_smoothing: float, reduction: str, chunking: Any, mask: tuple[bool, bool, bool],
    spent: Any,
) -> Any:  # fmt: skip
    """cross_entropy of linear, (N, D) x (C, D), a chunk of rows at a time; and what backward needs.

    The gradients of a mean or sum that `mask` asks for are computed here, while a chunk's scores are there: three
    products as long as all scores instead of four. They are of the sum, so that nothing underflows, and backward
    multiplies them by what the loss receives. Without a reduction backward computes the scores again.
    Of a recorded backward (`create_graph`) the steps are recorded instead, with all the scores.

    Args:
        chunking: rows and dtypes, see `Chunking`.
        mask: which of input, linear_weight and linear_bias get a gradient.
        spent: where backward may run only once, a list that is empty until it has.
    """
    only_floating(input)
    check_classes(Out((input.shape[0], linear_weight.shape[0]), input.dtype), target, weight)
    kind = statistics_dtype(input.dtype)
    rows = Out((input.shape[0],), kind)
    loss = Out(rows.shape if reduction == "none" else (), chunking.loss)
    kinds = (chunking.scores, chunking.sums, kind)
    return (loss, rows, rows, Out((), kind), *_gradients_of(input, linear_weight, mask, kinds))


def _gradients_of(input: Tensor, linear_weight: Tensor, mask: Any, kinds: Any) -> tuple[Out, ...]:
    return on_demand((input.shape, linear_weight.shape, linear_weight.shape[:1]), mask, kinds)


@primitive(results=("grad_input", "grad_weight", "grad_bias"))
def linear_cross_entropy_backward(
    grad: Tensor, input: Tensor, linear_weight: Tensor, linear_bias: Tensor | None, target: Tensor,
    weight: Tensor | None, shift: Tensor, sumexp: Tensor, total_weight: Tensor, ignore_index: int,
    label_smoothing: float, chunking: Any, mask: tuple[bool, bool, bool],
) -> Any:  # fmt: skip
    """The gradients that `mask` asks for, of a loss without reduction: the scores are computed again."""
    return _gradients_of(input, linear_weight, mask, (input.dtype,) * 3), (
        grad, input, linear_weight, linear_bias, target, weight, shift, sumexp, total_weight, ignore_index,
        label_smoothing, chunking, mask,
    )  # fmt: skip


@writing()
def scale_gradient(
    out: Tensor, sums: Tensor, grad: Tensor, total_weight: Tensor | None, counted: Tensor | None
) -> Any:
    """out = sums * grad / total_weight, rounded once; without a total sums * grad. `out` may be `sums`.

    Args:
        counted: 0 where there is no gradient, whatever is divided by; it broadcasts. Only beside a total.
    """
    return (out,)


def _check(input: Tensor, linear_weight: Tensor, linear_bias: Tensor | None) -> None:
    rank, shape = len(input.shape), tuple(linear_weight.shape)
    if len(shape) < 2:
        raise Invalid(f"expected linear_weight with dimensionality at least 2, got {len(shape)}")
    if rank not in (1, 2):
        raise Invalid(f"expected input with dimensionality 1 or 2, got {rank}")
    if input.shape[-1] != shape[-1]:
        raise Invalid(
            "expected equal input and linear_weight last dimensions (in_features), got "
            f"{input.shape[-1]} and {shape[-1]}, respectively"
        )
    if len(shape) > 2 and rank == 1:
        raise Invalid(
            f"K-dimensional loss defined by linear_weight shape {shape} requires batched input, "
            f"(N, {shape[-1]}), got unbatched input with shape {tuple(input.shape)}"
        )
    if linear_bias is not None and tuple(linear_bias.shape) != shape[:-1]:
        raise Invalid(f"expected linear_bias shape {shape[:-1]}, got {tuple(linear_bias.shape)}")
    first = _type(input)
    if input.dtype is not linear_weight.dtype:
        raise Invalid(
            "expected m1 and m2 to have the same dtype, but got: "
            f"{first.lower()} != {_type(linear_weight).lower()}",
            hint="convert one with .to(dtype)",
        )
    if linear_bias is not None and linear_bias.dtype is not input.dtype:
        raise Invalid(f"self and mat2 must have the same dtype, but got {_type(linear_bias)} and {first}")


def _refuse(
    input: Any, linear_weight: Any, target: Any, linear_bias: Tensor | None,
    ignore_index: int | None, label_smoothing: float,
) -> None:  # fmt: skip
    """Raise what does not depend on how the loss is computed."""
    for name, value in (("input", input), ("linear_weight", linear_weight), ("target", target)):
        if not isinstance(value, Tensor):
            raise TypeError(
                f"linear_cross_entropy(): argument '{name}' must be Tensor, not {type(value).__name__}"
            )
    try:
        _check(input, linear_weight, linear_bias)
        if not 0.0 <= label_smoothing <= 1.0:
            raise Invalid(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing:g}")
        if target.dtype.is_floating_point and ignore_index is not None:
            raise Invalid("ignore_index cannot be specified when target contains probabilities")
    except Invalid as error:
        raise fail(
            "linear_cross_entropy",
            str(error),
            hint=error.hint,
            input=input,
            linear_weight=linear_weight,
            target=target,
        ) from None


def _chunkable(input: Tensor, linear_weight: Tensor, target: Tensor) -> bool:
    """Whether the target has a class for every row of scores; else cross_entropy takes or refuses it."""
    if target.dtype.is_floating_point or len(linear_weight.shape) != 2:
        return False
    if len(input.shape) == 1:
        return tuple(target.shape) in ((), (1,)) and tuple(target.shape) != tuple(linear_weight.shape[:1])
    return tuple(target.shape) != (input.shape[0], linear_weight.shape[0])


def _type(tensor: Tensor) -> str:
    return TYPE_NAMES.get(tensor.dtype, tensor.dtype.name)


def _composed(
    input: Tensor, linear_weight: Tensor, target: Tensor, linear_bias: Tensor | None, **given: Any
) -> Tensor:
    """With class probabilities, or with further dimensions of the layer's results."""
    classes, *others, features = linear_weight.shape
    bias = None if linear_bias is None else linear_bias.reshape(-1)
    flat = linear_weight if not others else linear_weight.reshape(classes * numel(others), features)
    scores = linear(input, flat, bias)
    if others:
        scores = scores.reshape(input.shape[0], classes, *others)
    return cross_entropy(scores, target, **given)


def _samples(make: Make) -> list[Sample]:
    y, small = make.int(6, high=5), LinearCrossEntropyOptions(batch_chunk_size=4, allow_retain_graph=True)
    positive = make(5, positive=True)
    return [
        Sample(make(6, 3), make(5, 3), y, options=small),
        Sample(make(6, 3), make(5, 3), y, linear_bias=make(5), weight=positive, label_smoothing=0.1,
               ignore_index=2, options=small).constant("weight"),
        Sample(make(6, 3), make(5, 3), y, linear_bias=make(5), reduction="none", options=small),
        Sample(make(6, 3), make(5, 3), y, linear_bias=make(5), reduction="sum"),
        Sample(make(20, 40), make(70, 40), make.int(20, high=70), weight=make(70, positive=True), ignore_index=3,
               options=LinearCrossEntropyOptions(chunking_method="aspect_ratio", allow_retain_graph=True)
               ).constant("weight"),
        Sample(make(3), make(5, 3), make.int((), high=5)),
        Sample(make(3), make(5, 3), make.int((), high=5), reduction="none"),
        Sample(make(4, 3), make(5, 2, 3), make.int(4, 2, high=5), linear_bias=make(5, 2)),
        Sample(make(4, 3), make(5, 3), make(4, 5, positive=True), weight=positive, label_smoothing=0.1),
    ]  # fmt: skip


def _errors(make: Make) -> list[Bad]:
    x, w, y = make(4, 3), make(5, 3), make.int(4, high=5)
    ratio = LinearCrossEntropyOptions(chunking_method="aspect_ratio", batch_chunk_size=3)
    return [
        Bad(x, make(3), y, match="expected linear_weight with dimensionality at least 2, got 1"),
        Bad(make(2, 4, 3), w, y, match="expected input with dimensionality 1 or 2, got 3"),
        Bad(make(4, 2), w, y, match=r"last dimensions \(in_features\), got 2 and 3, respectively"),
        Bad(x, w, y, linear_bias=make(4), match=r"expected linear_bias shape \(5,\), got \(4,\)"),
        Bad(make(3), make(5, 2, 3), y, match=r"requires batched input, \(N, 3\), got unbatched input"),
        Bad(x, w, make.int(3), error=ValueError,
            match=r"input batch_size \(4\) to match target batch_size \(3\)"),
        Bad(make(3), w, y, error=ValueError, match="1D target must have size 1, but got target size: 4"),
        Bad(x, w, make.int(4, dtype=dtypes.int32), match="expected target dtype to be Long or Byte, but got Int"),
        Bad(x, w, y + 5, error=IndexError, match=r"Target [5-9] is out of bounds.*5 classes"),
        Bad(x, w, y, weight=make(4), match="weight tensor should be defined either for all 5 classes"),
        Bad(x, w, y, reduction="max", error=ValueError, match="max is not a valid value for reduction"),
        Bad(x, w, y, label_smoothing=2.0, match=r"between 0\.0 and 1\.0. Got: 2"),
        Bad(x, w, make(4, 5, positive=True), ignore_index=1,
            match="ignore_index cannot be specified when target contains probabilities"),
        Bad(x, w.half(), y, match="expected m1 and m2 to have the same dtype"),
        Bad(x, w, y, weight=make(5).half(), match="expected scalar type (Float|Double) but found Half"),
        Bad(x, w, y, weight=make(5).requires_grad_(), match="not differentiable with respect to argument 'weight'"),
        Bad(x, w, y, options=ratio, error=ValueError, match="give different chunk sizes"),
        Bad(x, w, y, options=LinearCrossEntropyOptions(acc_dtype=dtypes.bfloat16), match="supports float32 acc_dtype"),
    ]  # fmt: skip


@composite(api="functional", samples=_samples, errors=_errors, reference=define.linear_cross_entropy)
def linear_cross_entropy(
    input: Tensor, linear_weight: Tensor, target: Tensor, *, linear_bias: Tensor | None = None,
    weight: Tensor | None = None, reduction: str = "mean", ignore_index: Count | None = None,
    label_smoothing: float = 0.0, options: LinearCrossEntropyOptions | None = None,
) -> Tensor:  # fmt: skip
    """cross_entropy(linear(input, linear_weight, linear_bias), target) without all the scores in memory.

    The last layer of a language model has far more classes than features, so that its scores, and their gradient
    again, are by far the largest tensors of a step. With classes as target and a matrix as weight they are made for
    a chunk of rows at a time, and turned into the loss and, where a mean or sum is to be differentiated, the
    gradients there (Wijmans et al. 2024, "Cut Your Losses in Large-Vocabulary Language Models", arXiv 2411.09009,
    go down to tiles; chunks leave the products large). Backward then only scales what forward computed; without a
    reduction it makes the scores once more. The chunks' gradients of the weight are added up in the same order
    every time, those of half precision in float32.

    Args:
        input: (N, D) or (D).
        linear_weight: (C, D), or (C, d1, ..., D) for scores of shape (N, C, d1, ...).
        target: classes (N), () or (N, d1, ...), int64 or uint8; or probabilities, of the scores' shape.
        linear_bias: (C) or (C, d1, ...).
        weight: a factor per class (C), as of `cross_entropy`.
        reduction: 'mean', 'sum' or 'none'.
        ignore_index: samples of this class count nothing; by default -100. Not with probabilities.
        label_smoothing: share of the target that is spread evenly over all classes.
        options: see `LinearCrossEntropyOptions`; it has no effect, and a warning says so, where all scores are made
            at once: with probabilities or a weight of more than two dimensions.

    A backward that is itself recorded (`create_graph=True`) makes all scores at once.

    Raises:
        IndexError: a target is no class.
        ValueError: batch sizes that differ, an unknown reduction, or options that contradict each other.
        RuntimeError: other shapes or dtypes that do not fit, or smoothing outside [0, 1]; from backward, a second
            one where the options do not allow it.

    >>> import tritonnn as torch, tritonnn.nn.functional as F
    >>> F.linear_cross_entropy(torch.zeros(3, 2), torch.ones(4, 2), torch.tensor([0, 3, 1]))
    tensor(1.3863)
    """
    reduction = resolve(reduction, None, None)
    lower = lower_precision(input)
    if (
        lower is not None
    ):  # products in lower precision, their loss in float32: as `linear` and `cross_entropy`
        given = [cast(t, lower, input.device.type) for t in (input, linear_weight, linear_bias, weight)]
        input, linear_weight, linear_bias, weight = given
    _refuse(input, linear_weight, target, linear_bias, ignore_index, label_smoothing)
    if options is not None and not hasattr(options, "allow_retain_graph"):
        kind = type(options).__name__
        text = f"argument 'options' must be LinearCrossEntropyOptions, not {kind}"
        raise TypeError(f"linear_cross_entropy(): {text}")
    ignored = IGNORED if ignore_index is None else int(ignore_index)
    in_vmap = (
        highest((input, linear_weight, target, linear_bias, weight)) > 0
    )  # chunks are rows of one sample
    if in_vmap or not _chunkable(input, linear_weight, target):
        if options is not None and not in_vmap:
            warn(
                "linear_cross_entropy: options have no effect with class probabilities or a linear_weight of more "
                "than two dimensions"
            )
        return _composed(
            input, linear_weight, target, linear_bias, weight=weight, reduction=reduction, ignore_index=ignored,
            label_smoothing=label_smoothing,
        )  # fmt: skip
    single = len(input.shape) == 1
    if single:
        input, target = input.unsqueeze(0), target.reshape(1)
    now = state.enabled and reduction != "none"
    mask: Any = tuple(
        [now and t is not None and t.requires_grad for t in (input, linear_weight, linear_bias)]
    )
    sizes = (input.shape[0], input.shape[1], linear_weight.shape[0])
    chunking = resolve_chunking(
        options, *sizes, input.dtype, input.device.type, state.enabled and linear_weight.requires_grad
    )
    if lower is not None and input.dtype is lower:
        chunking = chunking._replace(loss=dtypes.float32)
    once = options is not None and not options.allow_retain_graph and reduction != "none"
    loss = fused_linear_cross_entropy(
        input, linear_weight, linear_bias, target, weight, ignored, float(label_smoothing), reduction, chunking,
        mask, [] if once else None,
    )[0]  # fmt: skip
    return loss.reshape(()) if single and reduction == "none" else loss

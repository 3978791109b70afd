"""Jacobians, Hessians and products with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.autograd.api import grad
from tritonnn.recording.grad_mode import enable_grad, is_grad_enabled, set_grad_enabled

Grads = Sequence[Tensor | None]

_STRATEGIES = ("forward-mode", "reverse-mode")
_NOT_STRICT = "This is not allowed in strict mode"
# what a gradient that does not require grad is of -> what is said of it in strict mode
_CONSTANT = {
    "outputs": "Output {i} of the user-provided function does not require gradients. The outputs must be computed in a "
    "differentiable manner from the input when running in strict mode.",
    "gradient": "The gradient with respect to input {i} is independent of the inputs of the user-provided function. "
    f"{_NOT_STRICT}.",
    "jacobian": "While computing the hessian, found that the jacobian of the user-provided function with respect to "
    f"input {{i}} is independent of the input. {_NOT_STRICT}. You should ensure that your function is twice "
    "differentiable and that the jacobian depends on the inputs (this would be violated by a linear function for "
    "example).",
}  # fmt: skip
# what there is no gradient of -> what is said of it in strict mode
_MISSING = {
    "output": "The output of the user-provided function is independent of input {i}.",
    "jacobian": "The jacobian of the user-provided function is independent of input {i}.",
    "directions": "The gradient with respect to the input is independent of entry {i} in the grad_outputs when using "
    "the double backward trick to compute forward mode gradients.",
}


def _tensors(value: Any, what: str, name: str) -> tuple[tuple[Tensor, ...], bool]:
    """The tensors of an argument or result as a tuple, and whether it was one."""
    is_tuple = isinstance(value, tuple)
    values = value if is_tuple else (value,)
    for i, item in enumerate(values):
        if not isinstance(item, Tensor):
            which = f"value at index {i}" if is_tuple else f"given {what}"
            raise TypeError(
                f"The {what} given to {name} must be either a Tensor or a tuple of Tensors but the {which} has type "
                f"{type(item)}."
            )
    return values, is_tuple


def _prepared(values: tuple[Tensor, ...], create_graph: bool, recorded: bool = True) -> tuple[Tensor, ...]:
    """Tensors to differentiate by: part of the graph of the given ones where that is asked for."""
    return tuple(
        [
            t.view_as(t) if create_graph and t.requires_grad else t.detach().requires_grad_(recorded)
            for t in values
        ]
    )


def _run(
    func: Callable, leaves: tuple[Tensor, ...], name: str, strict: bool
) -> tuple[tuple[Tensor, ...], bool]:
    outputs, is_tuple = _tensors(func(*leaves), "outputs of the user-provided function", name)
    if strict:
        _refuse_constant(outputs, "outputs")
    return outputs, is_tuple


def _scalar(func: Callable, leaves: tuple[Tensor, ...], name: str, strict: bool) -> Tensor:
    """The one element that a function returns."""
    outputs, is_tuple = _run(func, leaves, name, strict)
    if is_tuple:
        raise RuntimeError(f"The function given to {name} should return a single Tensor")
    if outputs[0].numel() != 1:
        raise RuntimeError(
            f"The Tensor returned by the function given to {name} should contain a single element"
        )
    return outputs[0]


def _directions(
    v: object, like: tuple[Tensor, ...], is_tuple: bool, of: str, name: str, create_graph: bool
) -> Any:
    """The vectors of a product, of the shapes of what they are multiplied with."""
    if v is None:
        if len(like) != 1 or like[0].numel() != 1:
            raise RuntimeError(
                f"The vector v can only be None if {of} a single Tensor with a single element."
            )
        return (None,)
    given = _prepared(_tensors(v, "v", name)[0], create_graph, False)
    if len(given) != len(like):
        if is_tuple:
            raise RuntimeError(f"v is a tuple of invalid length: should be {len(like)} but got {len(given)}.")
        raise RuntimeError("The given v should contain a single Tensor.")
    for i, (direction, other) in enumerate(zip(given, like, strict=True)):
        if direction.shape != other.shape:
            entry = f"Entry {i} in " if is_tuple else ""
            raise RuntimeError(
                f"{entry}v has invalid size: should be {other.shape} but got {direction.shape}."
            )
    return given


def _grads(
    outputs: Grads, inputs: Any, weights: Any = None, create: bool = False, retain: bool = False
) -> Grads:
    """The gradients of those outputs that have any."""
    weights = (None,) * len(outputs) if weights is None else weights
    pairs = [(o, w) for o, w in zip(outputs, weights, strict=True) if o is not None and o.requires_grad]
    if not pairs:
        return (None,) * len(inputs)
    return grad(
        [o for o, _ in pairs], inputs, [w for _, w in pairs], create or retain, create, allow_unused=True
    )  # fmt: skip


def _refuse_constant(values: Grads, kind: str) -> None:
    for i, value in enumerate(values):
        if value is None:
            raise RuntimeError(f"{_MISSING['output'].format(i=i)} {_NOT_STRICT}.")
        if not value.requires_grad:
            raise RuntimeError(_CONSTANT[kind].format(i=i))


def _filled(
    values: Grads, like: tuple[Tensor, ...], strict: bool, create: bool, missing: str
) -> tuple[Tensor, ...]:
    """Gradients with zeros for those that are missing, or what strict mode says of them."""
    from tritonnn.ops.creation.creation import zeros_like

    if strict:
        of = "hessian" if missing == "jacobian" else "jacobian"
        for i, value in enumerate(values):
            if value is None:
                raise RuntimeError(f"{_MISSING[missing].format(i=i)} {_NOT_STRICT}.")
            if create and not value.requires_grad:
                raise RuntimeError(
                    f"The {of} of the user-provided function is independent of input {i}. {_NOT_STRICT} when "
                    "create_graph=True."
                )
    return tuple([zeros_like(t) if v is None else v for v, t in zip(values, like, strict=True)])


def _unwrap(values: tuple[Tensor, ...], was_tuple: bool, keep: bool = True) -> Any:
    """As the caller has it, cut off from the graph unless that is kept."""
    values = values if keep else tuple([value.detach() for value in values])
    return values if was_tuple else values[0]


def vjp(
    func: Callable, inputs: object, v: object = None, create_graph: bool = False, strict: bool = False
) -> Any:
    """(func(inputs), v^T J): the vector-Jacobian product.

    Args:
        func: takes tensors, and returns one or a tuple.
        inputs: a tensor or a tuple of them.
        v: shaped as the outputs; may be left out for a single element.
        create_graph: record, so that the product can be differentiated.
        strict: raise where an output does not depend on an input, instead of giving zeros.

    >>> import tritonnn as torch
    >>> torch.autograd.functional.vjp(lambda x: x ** 2, torch.tensor([1., 2.]), torch.ones(2))[1]
    tensor([2., 4.])
    """
    keep = create_graph or is_grad_enabled()
    with enable_grad():
        given, was_tuple = _tensors(inputs, "inputs", "vjp")
        leaves = _prepared(given, create_graph)
        outputs, out_tuple = _run(func, leaves, "vjp", strict)
        vectors = _directions(
            v, outputs, out_tuple, "the user-provided function returns", "vjp", create_graph
        )
    with set_grad_enabled(keep):
        grads = _grads(outputs, leaves, vectors, create_graph)
        products = _filled(grads, leaves, strict, create_graph, "output")
    return _unwrap(outputs, out_tuple, create_graph), _unwrap(products, was_tuple, create_graph)


def jvp(
    func: Callable, inputs: object, v: object = None, create_graph: bool = False, strict: bool = False
) -> Any:
    """(func(inputs), J v): the Jacobian-vector product, by differentiating the vector-Jacobian product twice.

    Arguments as of `vjp`, but that `v` is shaped as the inputs.
    """
    from tritonnn.ops.creation.creation import ones_like, zeros_like

    with enable_grad():
        given, was_tuple = _tensors(inputs, "inputs", "jvp")
        leaves = _prepared(given, create_graph)
        vectors = _directions(v, leaves, was_tuple, _ONE_INPUT, "jvp", create_graph)
        outputs, out_tuple = _run(func, leaves, "jvp", strict)
        dummies = tuple([zeros_like(o).requires_grad_() for o in outputs])
        grads = _grads(outputs, leaves, dummies, True)
        if strict:
            _refuse_constant(grads, "gradient")
        vectors = [ones_like(t) if w is None else w for w, t in zip(vectors, leaves, strict=True)]
        products = _grads(grads, dummies, vectors, create_graph)
        filled = _filled(products, outputs, strict, create_graph, "directions")
    return _unwrap(outputs, out_tuple, create_graph), _unwrap(filled, out_tuple, create_graph)


_ONE_INPUT = "the input to the user-provided function is"


def _check_strategy(strategy: str, strict: bool = False, vectorize: bool = True) -> None:
    """Refuse what is no strategy, or is not computed so."""
    if strategy not in _STRATEGIES:
        raise AssertionError('Expected strategy to be either "forward-mode" or "reverse-mode".')
    if strategy == "forward-mode" and strict:
        raise RuntimeError(
            'torch.autograd.functional.jacobian: `strict=True` and `strategy="forward-mode"` are not supported '
            'together (yet). Please either set `strict=False` or `strategy="reverse-mode"`.'
        )
    if strategy == "forward-mode" and not vectorize:
        raise NotImplementedError(
            "Computing Jacobian using forward-AD or forward-over-reverse Hessian is only implemented for "
            "`vectorize=True`."
        )


def jacobian(
    func: Callable, inputs: object, create_graph: bool = False, strict: bool = False, vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:  # fmt: skip
    """The Jacobian of `func`: for each output and input a tensor (*output.shape, *input.shape).

    Args:
        create_graph, strict: as of `vjp`.
        vectorize: all rows in one pass, instead of one by one; takes more memory. Not together with `strict`.
        strategy: 'reverse-mode', by rows, or with `vectorize` 'forward-mode', by columns.

    >>> import tritonnn as torch
    >>> torch.autograd.functional.jacobian(lambda x: x ** 2, torch.tensor([1., 2.]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    from tritonnn.ops.joining.joining import stack

    _check_strategy(strategy, strict, vectorize)
    if strict and vectorize:
        raise RuntimeError(
            "torch.autograd.functional.jacobian: `strict=True` and `vectorized=True` are not supported together. "
            "Please either set `strict=False` or `vectorize=False`."
        )
    with enable_grad():
        given, was_tuple = _tensors(inputs, "inputs", "jacobian")
        leaves = _prepared(given, create_graph)
        outputs, out_tuple = _run(func, leaves, "jacobian", strict)
        if vectorize:
            from tritonnn.autograd import vectorized

            by = vectorized.by_rows if strategy == "reverse-mode" else vectorized.by_columns
            found = by(outputs, leaves, create_graph)
            shaped = tuple([_unwrap(block, was_tuple, create_graph) for block in found])
            return shaped if out_tuple else shaped[0]
        blocks = []
        for number, output in enumerate(outputs):
            rows = [
                _row(element, leaves, number, create_graph, strict) for element in output.reshape(-1).unbind()
            ]
            columns = zip(*rows, strict=True) if rows else [()] * len(leaves)
            block = tuple(
                [
                    stack(list(column)).reshape((*output.shape, *leaf.shape))
                    for column, leaf in zip(columns, leaves, strict=True)
                ]
            )
            blocks.append(_unwrap(block, was_tuple, create_graph))
    return tuple(blocks) if out_tuple else blocks[0]


def _row(
    element: Tensor, leaves: tuple[Tensor, ...], number: int, create: bool, strict: bool
) -> tuple[Tensor, ...]:
    """The gradients of one element of an output."""
    grads = _grads((element,), leaves, None, create, retain=True)
    if strict and any(value is None for value in grads):
        i = [value is None for value in grads].index(True)
        raise RuntimeError(
            f"Output {number} of the user-provided function is independent of input {i}. {_NOT_STRICT}."
        )
    return _filled(grads, leaves, strict, create, "output")


def hessian(
    func: Callable, inputs: object, create_graph: bool = False, strict: bool = False, vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:  # fmt: skip
    """The Hessian of a function of one element: for each pair of inputs a tensor (*first.shape, *second.shape).

    Arguments as of `jacobian`.

    >>> import tritonnn as torch
    >>> torch.autograd.functional.hessian(lambda x: (x ** 3).sum(), torch.tensor([1., 2.]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    _check_strategy(outer_jacobian_strategy)
    given, was_tuple = _tensors(inputs, "inputs", "hessian")

    def slope(*leaves: Tensor) -> Any:
        output = _scalar(func, leaves, "hessian", strict)
        grads = _filled(_grads((output,), leaves, None, True), leaves, False, True, "output")
        if strict:
            _refuse_constant(grads, "jacobian")
        return grads

    result = jacobian(slope, given, create_graph, strict, vectorize, outer_jacobian_strategy)
    return result if was_tuple else result[0][0]


def _hessian_product(
    name: str, func: Callable, inputs: object, v: object, create_graph: bool, strict: bool
) -> tuple[Tensor, Any]:
    """A function's one element, and its Hessian, which is symmetric, times a vector."""
    from tritonnn.ops.creation.creation import ones_like

    keep = create_graph or is_grad_enabled()
    with enable_grad():
        given, was_tuple = _tensors(inputs, "inputs", name)
        leaves = _prepared(given, create_graph)
        vectors = _directions(v, leaves, was_tuple, _ONE_INPUT, name, create_graph)
        output = _scalar(func, leaves, name, strict)
        slopes = _grads((output,), leaves, None, True)
        if strict:
            _refuse_constant(slopes, "jacobian")
        vectors = [ones_like(t) if w is None else w for w, t in zip(vectors, leaves, strict=True)]
    with set_grad_enabled(keep):
        products = _grads(slopes, leaves, vectors, create_graph)
        filled = _filled(products, leaves, strict, create_graph, "jacobian")
    return output if create_graph else output.detach(), _unwrap(filled, was_tuple, create_graph)


def vhp(
    func: Callable, inputs: object, v: object = None, create_graph: bool = False, strict: bool = False
) -> Any:
    """(func(inputs), v^T H) of a function of one element; arguments as of `jvp`."""
    return _hessian_product("vhp", func, inputs, v, create_graph, strict)


def hvp(
    func: Callable, inputs: object, v: object = None, create_graph: bool = False, strict: bool = False
) -> Any:
    """(func(inputs), H v) of a function of one element; arguments as of `jvp`.

    Twice differentiable functions have symmetric Hessians, so that it is `vhp`, which takes one pass less.
    """
    return _hessian_product("hvp", func, inputs, v, create_graph, strict)

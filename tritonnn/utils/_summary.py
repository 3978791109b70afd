"""A model as a table: layers, output shapes, parameters, multiply-adds and the memory of activations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from html import escape
from typing import Any

import tritonnn
from tritonnn import dispatch
from tritonnn._tensor import Tensor
from tritonnn.nn.module import Module
from tritonnn.utils._multiply_adds import multiply_adds

__all__ = ["LayerSummary", "Summary", "summary"]

UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
HEADERS = ("Layer", "Class", "Output shape", "Parameters", "Multiply-adds", "Activations")
TEXTS = 3  # the columns before the numbers


@dataclass
class LayerSummary:
    """One module of the model; the numbers are its own, without its children's.

    Attributes:
        path: the name by which the model has it; empty for the model itself.
        kind: the name of its class.
        depth: number of modules around it.
        output: shapes of what the last call returned; None where it was not called.
        calls: how often it was called.
        parameters, trainable: number of elements; of parameters in several modules, in the first.
        multiply_adds: of all calls, by the ops that are products of matrices.
        activation_bytes: of the tensors that its operations returned, without views and in-place results.
    """

    path: str
    kind: str
    depth: int
    output: Any = None
    calls: int = 0
    parameters: int = 0
    trainable: int = 0
    multiply_adds: int = 0
    activation_bytes: int = 0


@dataclass
class Summary:
    """What ``summary`` returns; ``print`` shows it as a table.

    Attributes:
        layers: the modules of the model in its order, those that were not called too.
        depth: levels of modules that the table shows; a module at the last one has its children's numbers too.
        buffers: number of elements that are no parameters.
        state_bytes: memory of parameters and buffers.
    """

    layers: list[LayerSummary] = field(default_factory=list)
    depth: int | None = None
    buffers: int = 0
    state_bytes: int = 0

    @property
    def parameters(self) -> int:
        """Number of elements of all parameters."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def trainable(self) -> int:
        """Number of elements of the parameters that require a gradient."""
        return sum(layer.trainable for layer in self.layers)

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds of one forward pass."""
        return sum(layer.multiply_adds for layer in self.layers)

    @property
    def activation_bytes(self) -> int:
        """Memory of all tensors that the forward pass made."""
        return sum(layer.activation_bytes for layer in self.layers)

    def __str__(self) -> str:
        return "\n".join((_table(self._lines()), "", *self._totals()))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """The table as notebooks show it."""
        sides = ("left",) * TEXTS + ("right",) * (len(HEADERS) - TEXTS)
        rows = [
            "".join(
                f'<{tag} style="text-align: {side}">{escape(cell)}</{tag}>' for side, cell in zip(sides, line)
            )
            for tag, lines in (("th", [HEADERS]), ("td", self._lines()))
            for line in lines
        ]
        table = "\n".join(f"<tr>{row}</tr>" for row in rows)
        return f"<table>\n{table}\n</table>\n<p>{'<br>'.join(map(escape, self._totals()))}</p>"

    def _lines(self) -> list[tuple[str, ...]]:
        """The cells of the table, a tuple for each layer shown."""
        return [
            (
                layer.path or "(model)",
                layer.kind,
                _shapes(layer.output) if layer.calls else "not called",
                _count(layer.parameters),
                _count(layer.multiply_adds),
                _bytes(layer.activation_bytes),
            )
            for layer in self._shown()
        ]

    def _totals(self) -> tuple[str, ...]:
        """What stands below the table."""
        frozen = self.parameters - self.trainable
        return (
            f"Parameters: {self.parameters:,} ({self.trainable:,} trainable, {frozen:,} frozen); "
            f"buffers: {self.buffers:,}; memory of both: {_bytes(self.state_bytes)}",
            f"Multiply-adds of a forward pass: {self.multiply_adds:,}",
            f"Activations of a forward pass: {_bytes(self.activation_bytes)}",
        )

    def _shown(self) -> Iterator[LayerSummary]:
        """The layers down to ``depth``, those at the last level with all that is below them."""
        last: LayerSummary | None = None
        rows = []
        for layer in self.layers:
            if self.depth is None or layer.depth <= self.depth:
                last = LayerSummary(**vars(layer))
                rows.append(last)
            elif last is not None:
                for name in ("parameters", "trainable", "multiply_adds", "activation_bytes"):
                    setattr(last, name, getattr(last, name) + getattr(layer, name))
        yield from rows


def summary(model: Module, input: object, *, depth: int | None = None) -> Summary:
    """Calls ``model`` once and reports, layer by layer, what it returned, holds and computed.

    The call is made in evaluation mode, without a graph and with the state of the random generators restored, so that
    nothing of the model changes: neither its mode nor its buffers.

    Args:
        model: any module.
        input: a tensor; a tuple of arguments; a dict of keyword arguments; or the shape of one input, as a list or
            tuple of whole numbers, which is filled with random numbers of the model's dtype on its device.
        depth: levels of modules to show below the model; None for all.

    Returns:
        A ``Summary``; ``print`` shows its table (needs the package tabulate), its attributes are the numbers.

    Raises:
        TypeError: ``model`` is no module. ValueError: a negative size or depth.
        Exception: what the model raises on this input.

    Example:
        >>> import tritonnn as torch
        >>> nn = torch.nn
        >>> model = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 16, 10))
        >>> report = torch.utils.summary(model, (2, 3, 4, 4))
        >>> report.parameters, report.multiply_adds
        (1514, 9472)
        >>> print(str(report).partition("Parameters: ")[0].rstrip())
        Layer    Class       Output shape      Parameters    Multiply-adds    Activations
        -------  ----------  --------------  ------------  ---------------  -------------
        (model)  Sequential  (2, 10)                    -                -              -
        0        Conv2d      (2, 8, 4, 4)             224            6,912        1.0 KiB
        1        ReLU        (2, 8, 4, 4)               -                -        1.0 KiB
        2        Flatten     (2, 128)                   -                -              -
        3        Linear      (2, 10)                1,290            2,560           80 B
    """
    if not isinstance(model, Module):
        raise TypeError(f"summary(): model must be a Module, but got {type(model).__name__}")
    if depth is not None and depth < 0:
        raise ValueError(f"summary(): depth must not be negative, but got {depth}")
    result = _skeleton(model, depth)
    with _untouched(model):
        args, kwargs = _arguments(model, input)
        with _observed(model, result.layers):
            model(*args, **kwargs)
    _count_state(model, result)
    return result


def _arguments(model: Module, input: object) -> tuple[tuple, dict[str, Any]]:
    if isinstance(input, dict):
        return (), input
    if isinstance(input, (list, tuple)) and input and all(type(size) is int for size in input):
        if any(size < 0 for size in input):
            raise ValueError(f"summary(): sizes of the input must not be negative, but got {tuple(input)}")
        like = next((t for t in _state(model) if t.dtype.is_floating_point), tritonnn.empty(0))
        return (tritonnn.rand(*input, dtype=like.dtype, device=like.device),), {}
    return tuple(input) if isinstance(input, (list, tuple)) else (input,), {}


def _state(model: Module) -> Iterator[Tensor]:
    yield from model.parameters()
    yield from model.buffers()


def _skeleton(model: Module, depth: int | None) -> Summary:
    """The report without the figures of the call."""
    result = Summary(depth=depth)
    for path, module in model.named_modules():
        result.layers.append(LayerSummary(path, type(module).__name__, path.count(".") + 1 if path else 0))
    return result


def _count_state(model: Module, result: Summary) -> None:
    """Enter the parameters and buffers, after the call that initialises those of lazy modules."""
    counted: set[int] = set()
    for layer, module in zip(result.layers, model.modules(), strict=True):
        for p in module.parameters(recurse=False):
            if id(p) not in counted:
                counted.add(id(p))
                layer.parameters += p.numel()
                layer.trainable += p.numel() if p.requires_grad else 0
    result.buffers = sum(b.numel() for b in model.buffers())
    result.state_bytes = sum(t.numel() * t.element_size() for t in _state(model))


@contextmanager
def _untouched(model: Module) -> Iterator[None]:
    """Evaluation mode without a graph; modes and random generators as before afterwards."""
    modes = [(module, module.training) for module in model.modules()]
    try:
        with tritonnn.no_grad(), tritonnn.random.fork_rng():
            model.eval()
            yield
    finally:
        for module, training in modes:
            module.training = training


@contextmanager
def _observed(model: Module, layers: list[LayerSummary]) -> Iterator[None]:
    """Within the block, calls of the modules and of the op table are entered into ``layers``."""
    inside: list[LayerSummary] = []  # the modules that are running, innermost last

    def entered(layer: LayerSummary) -> Any:
        def hook(module: Module, args: object) -> None:
            inside.append(layer)

        return hook

    def left(module: Module, args: object, output: object) -> None:
        layer = inside.pop()
        layer.calls += 1
        layer.output = _structure(output)

    def called(op: Any, args: tuple, results: tuple) -> None:
        layer = inside[-1] if inside else layers[0]
        layer.multiply_adds += multiply_adds(op.name, args, results)
        given = {id(t._storage) for t in _tensors(args)}
        layer.activation_bytes += sum(
            t.numel() * t.element_size() for t in _tensors(results) if id(t._storage) not in given
        )

    with ExitStack() as hooks, dispatch.watch(called):
        for layer, module in zip(layers, model.modules(), strict=True):
            for handle in (
                module.register_forward_pre_hook(entered(layer), prepend=True),
                module.register_forward_hook(left, always_call=True),
            ):
                hooks.callback(handle.remove)
        yield


def _tensors(values: Sequence[Any]) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from _tensors(value)


def _structure(output: object) -> Any:
    """Shapes in place of tensors."""
    if isinstance(output, Tensor):
        return tuple(output.shape)
    if isinstance(output, dict):
        return {key: _structure(value) for key, value in output.items()}
    if isinstance(output, (list, tuple)):
        return [_structure(value) for value in output]
    return type(output).__name__


def _shapes(structure: object) -> str:
    if isinstance(structure, dict):
        return ", ".join(f"{key}: {_shapes(value)}" for key, value in structure.items())
    if isinstance(structure, list):
        return ", ".join(_shapes(value) for value in structure)
    return str(structure)


def _table(lines: Sequence[tuple[str, ...]]) -> str:
    try:
        from tabulate import tabulate
    except ImportError as error:
        raise ImportError(
            "the table of a summary needs the package tabulate: pip install tritonnn[report]", name="tabulate"
        ) from error
    sides = ("left",) * TEXTS + ("right",) * (len(HEADERS) - TEXTS)
    return tabulate(lines, HEADERS, tablefmt="simple", disable_numparse=True, colalign=sides)


def _count(number: int) -> str:
    return f"{number:,}" if number else "-"


def _bytes(number: int) -> str:
    """In the largest unit that leaves a number of at least 1."""
    if not number:
        return "-"
    exponent = min((number.bit_length() - 1) // 10, len(UNITS) - 1)
    return f"{number / 1024**exponent:.{1 if exponent else 0}f} {UNITS[exponent]}"

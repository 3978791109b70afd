"""What an entry is written with: what a rule asks for, calls that are valid or not, and rows of the report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar, overload

from tritonnn.dtypes import dtype as DType
from tritonnn.shape import Size

if TYPE_CHECKING:
    from tritonnn._tensor import Tensor
    from tritonnn.table.op import Op


class Later:
    """An option of an entry that is found when it is first asked for."""

    def __init__(self, find: Callable[[], Any]) -> None:
        self.find = find

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.find()(*args, **kwargs)


def made(maker: Callable[..., Any], *args: Any) -> Later:
    """What a function makes, such as the definition for so many dimensions: `made(define.conv, 2)`."""
    return Later(lambda: maker(*args))


class Out:
    """What a rule asks dispatch to allocate for one result.

    Args:
        shape: the extents.
        dtype: the type of the elements.
        device: only where no tensor argument tells it.
        strides: of a dense result whose dimensions do not lie row-major; None where they do.
    """

    __slots__ = ("device", "dtype", "shape", "strides")

    def __init__(
        self, shape: Sequence[int], dtype: DType, device: Any = None, strides: tuple[int, ...] | None = None
    ) -> None:
        self.shape = shape if shape.__class__ is Size else Size(shape)
        self.dtype = dtype
        self.device = device
        self.strides = strides


class Make(Protocol):
    """What the tests and the report give to `samples`, `errors` and `perf`: a factory of tensors.

    The dtype and the device are those under test; `int` gives whole numbers below 4, `bool` truth values.
    """

    dtype: DType
    device: str

    def __call__(
        self, *shape: Any, low: float = ..., high: float = ..., dtype: Any = ..., positive: bool = ...
    ) -> Tensor: ...

    def int(self, *shape: Any, low: float = ..., high: float = ..., dtype: Any = ...) -> Tensor: ...

    def bool(self, *shape: Any) -> Tensor: ...


class Sample:
    """One valid call of an op, for the generated tests.

    Attributes:
        constants: names of the tensor arguments that the op refuses to differentiate.
    """

    constants: tuple[str, ...] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.args = args
        self.kwargs = kwargs

    def constant(self, *names: str) -> Sample:
        """The call, with these arguments never requiring a gradient."""
        self.constants = names
        return self

    def __repr__(self) -> str:
        return f"Sample({self.args}, {self.kwargs})"


class Bad(Sample):
    """One call that must be refused: `Bad(args..., error=IndexError, match='regex', **kwargs)`."""

    def __init__(self, *args: Any, error: type[Exception] = RuntimeError, match: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.error = error
        self.match = match


class Perf(Sample):
    """One call for the performance report: `Perf("4096 x 1024", make(4096, 1024), dim=-1, flops=...)`.

    Args:
        label: what tells it from the op's other rows.
        flops: floating-point operations of a call; 0 where memory is what counts.
        nbytes: bytes read and written at least; 0 counts the inputs, and the largest of them once more.
        of: the element type of the inputs, by name.
        devices: where it is measured.
        quick: whether the short report has it.
    """

    def __init__(
        self, label: str, *args: Any, flops: float = 0, nbytes: float = 0, of: str = "float32",
        devices: tuple[str, ...] = ("cpu", "cuda"), quick: bool = False, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(*args, **kwargs)
        self.label, self.flops, self.nbytes, self.dtype = label, flops, nbytes, of
        self.devices, self.quick = devices, quick


P = ParamSpec("P")
R = TypeVar("R", covariant=True)


class Entry(Protocol[P, R]):
    """The function that an entry publishes: with the entry's own arguments, and `out` where it takes one."""

    op: Op
    __name__: str

    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R: ...
    @overload
    def __call__(self, *args: Any, out: Any, **kwargs: Any) -> R: ...

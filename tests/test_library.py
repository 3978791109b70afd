"""torch.library: operators that programs define, and torch.ops."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest

import tritonnn as torch
from tritonnn import library
from tritonnn.library._operator import OPERATORS


@pytest.fixture(autouse=True)
def no_operators_stay() -> Iterator[None]:
    before = set(OPERATORS)
    yield
    for name in set(OPERATORS) - before:
        OPERATORS[name].forget()


def cubed(x: torch.Tensor, by: float = 1.0) -> torch.Tensor:
    return torch.from_numpy(x.detach().cpu().numpy() ** 3 * np.float32(by))


def test_a_derivative_of_ones_own() -> None:
    op = library.custom_op("tests::cubed", cubed, mutates_args=())

    def setup(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.by = inputs[1]
        ctx.save_for_backward(inputs[0])

    op.register_autograd(
        lambda ctx, g: (3 * ctx.saved_tensors[0] ** 2 * g * ctx.by, None), setup_context=setup
    )
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y = torch.ops.tests.cubed(x, by=2.0)
    y.sum().backward()
    assert y.tolist() == [2, 16] and x.grad.tolist() == [6, 24]
    assert y.grad_fn.name() == "GeneratedBackwardFor_tests_cubed_defaultBackward"
    assert torch.ops.tests.cubed.default(torch.tensor([3.0])).item() == 27
    assert library.opcheck(op, (x,), test_utils=("test_schema", "test_autograd_registration")) == {
        "test_schema": "SUCCESS", "test_autograd_registration": "SUCCESS",
    }  # fmt: skip


def test_without_a_derivative_backward_says_so() -> None:
    op = library.custom_op("tests::cubed", cubed, mutates_args=())
    y = op(torch.ones(2, requires_grad=True)).sum()
    with pytest.raises(RuntimeError, match="no autograd formula was registered"):
        y.backward()


def test_lists_of_tensors_and_several_results() -> None:
    @library.custom_op("tests::scaled", mutates_args=())
    def scaled(x: torch.Tensor, ys: Sequence[torch.Tensor], k: int) -> tuple[torch.Tensor, torch.Tensor]:
        return x * k, ys[0] * ys[1]

    def setup(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.k = inputs[2]
        ctx.save_for_backward(*inputs[1])

    def backward(ctx: Any, a: Any, b: Any) -> Any:
        first, second = ctx.saved_tensors
        return a * ctx.k, [b * second, b * first], None

    scaled.register_autograd(backward, setup_context=setup)
    x, y, z = (torch.tensor([v], requires_grad=True) for v in (1.0, 2.0, 5.0))
    a, b = scaled(x, [y, z], 3)
    (a + b).sum().backward()
    assert [t.grad.item() for t in (x, y, z)] == [3, 5, 2] and (a.item(), b.item()) == (3, 10)


def test_writing_counts() -> None:
    @library.custom_op("tests::fill", mutates_args={"x"})
    def fill(x: torch.Tensor, value: float) -> None:
        x.numpy()[:] = value

    x = torch.zeros(2)
    before = x._version
    assert fill(x, 3.0) is None and x.tolist() == [3, 3] and x._version == before + 1
    w = torch.ones(2, requires_grad=True)
    kept = torch.ones(2)
    y = (w * kept).sum()
    fill(kept, 2.0)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()


def test_results_are_no_aliases_and_what_is_written_is_said() -> None:
    same = library.custom_op("tests::same", lambda x: x, mutates_args=(), schema="(Tensor x) -> Tensor")
    with pytest.raises(RuntimeError, match="may not alias any inputs"):
        same(torch.ones(1))

    @library.custom_op("tests::secret", mutates_args=())
    def secret(x: torch.Tensor) -> torch.Tensor:
        x.numpy()[:] = 7
        return x.clone()

    x = torch.ones(2)
    with pytest.raises(library.OpCheckError, match="writes to an argument"):
        library.opcheck(secret, (x,))
    assert x.tolist() == [1, 1]
    assert "RuntimeError" in library.opcheck(secret, (x,), raise_exception=False)["test_faketensor"]


def test_kernels_by_device() -> None:
    op = library.custom_op("tests::cubed", cubed, mutates_args=())
    with pytest.raises(RuntimeError, match="no fake impl registered"):
        op(torch.ones(2, device="meta"))
    op.register_fake(lambda x, by=1.0: torch.empty_like(x))
    assert op(torch.ones(2, 3, device="meta")).shape == (2, 3)
    assert set(library.opcheck(op, (torch.ones(2),)).values()) == {"SUCCESS"}
    op.register_fake(lambda x, by=1.0: x.new_empty(1))
    with pytest.raises(library.OpCheckError, match="test_faketensor failed"):
        library.opcheck(op, (torch.ones(2),))

    @op.register_kernel("cpu")
    def on_cpu(x: torch.Tensor, by: float = 1.0) -> torch.Tensor:
        return x * 100

    assert op(torch.ones(1)).item() == 100
    with op.set_kernel_enabled("cpu", False):
        assert op(torch.ones(1)).item() == 1
    assert op(torch.ones(1)).item() == 100
    gpu = library.custom_op("tests::gpu", cubed, mutates_args=(), device_types="cuda")
    with pytest.raises(NotImplementedError, match="registered for cuda"):
        gpu(torch.ones(1))
    with pytest.raises(ValueError, match="none of cpu, cuda, meta"):
        library.register_kernel(gpu, "tpu", cubed)


@pytest.mark.parametrize(
    ("args", "kwargs", "match"),
    [((1,), {}, "type 'Tensor' for argument 'x'"), ((), {}, "missing value for argument 'x'"),
     ((torch.ones(1), 1.0, 2), {}, "at most 2"), ((torch.ones(1), "a"), {}, "type 'float' for argument 'by'"),
     ((torch.ones(1),), {"y": 1}, "argument 'y'"), ((torch.ones(1),), {"x": 1}, "argument 'x'")],
)  # fmt: skip
def test_wrong_arguments(args: Any, kwargs: Any, match: str) -> None:
    op = library.custom_op("tests::cubed", cubed, mutates_args=())
    with pytest.raises(RuntimeError, match=match):
        op(*args, **kwargs)


def test_libraries() -> None:
    lib = library.Library("tests", "FRAGMENT")
    assert lib.define("plus(Tensor x, int n=1, *, float[] more=[1.0, 2.0], str s='a, b') -> Tensor") == "plus"
    with pytest.raises(NotImplementedError, match="registered for no device"):
        torch.ops.tests.plus(torch.ones(1))
    lib.impl("plus", lambda x, n=1, *, more, s: x * n + sum(more), "CPU")
    x = torch.ones(1, requires_grad=True)
    y = torch.ops.tests.plus(x, n=2)
    y.backward()
    assert y.item() == 5 and x.grad.item() == 2  # gradients go through what it does
    with pytest.raises(RuntimeError, match="already a kernel registered"):
        lib.impl("plus", lambda x: x, "CPU")
    with pytest.raises(RuntimeError, match="multiple times"):
        lib.define("plus(Tensor x) -> Tensor")
    with pytest.raises(NotImplementedError, match="register_autograd"):
        lib.impl("plus", lambda x: x, "Autograd")
    with pytest.raises(RuntimeError, match="a schema is"):
        lib.define("bar Tensor")
    with pytest.raises(ValueError, match="Unsupported kind"):
        library.Library("tests", "OTHER")
    library.define("tests::minus", "(Tensor x) -> Tensor")
    library.impl("tests::minus", ("cpu", "cuda"), lambda x: x - 1)
    assert torch.ops.tests.minus(torch.ones(1)).item() == 0
    lib._destroy()
    assert not hasattr(torch.ops.tests, "plus")


def test_names() -> None:
    library.custom_op("tests::cubed", cubed, mutates_args=())
    packet = torch.ops.tests.cubed
    assert (str(packet), str(packet.default), packet.overloads()) == (
        "tests.cubed",
        "tests.cubed.default",
        ["default"],
    )
    assert packet.default.name() == "tests::cubed" and packet.default.overloadpacket is packet
    assert str(packet.default._schema) == "tests::cubed(Tensor x, float by=1.) -> Tensor"
    with pytest.raises(AttributeError, match="no overload name 'foo'"):
        packet.foo  # noqa: B018
    with pytest.raises(AttributeError, match="'_OpNamespace' 'tests' object has no attribute 'nothing'"):
        torch.ops.tests.nothing  # noqa: B018
    with pytest.raises(RuntimeError, match="one of the library's own"):
        library.custom_op("aten::mine", cubed, mutates_args=())
    with pytest.raises(ValueError, match="namespace::name"):
        library.custom_op("mine", cubed, mutates_args=())


def test_an_operator_can_be_taken_over() -> None:
    op = library.custom_op("tests::cubed", cubed, mutates_args=())

    class Duck:
        @classmethod
        def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            return func

    assert op(Duck()) is torch.ops.tests.cubed.default


ATEN = [
    ("add.Tensor", (2.0,)), ("add.Scalar", (2.0,)), ("mul.Tensor", (3.0,)), ("sin.default", ()), ("mm.default", "self"),
    ("sum.dim_IntList", ([0],)), ("sum.default", ()), ("view.default", ([4],)), ("relu.default", ()),
    ("transpose.int", (0, 1)), ("softmax.int", (0,)), ("clone.default", ()), ("cat.default", "list"),
    ("pow.Tensor_Scalar", (2,)), ("permute.default", ([1, 0],)), ("linalg_vector_norm.default", ()),
]  # fmt: skip


@pytest.mark.parametrize(("name", "args"), ATEN)
def test_operators_of_the_table(name: str, args: Any) -> None:
    op, _, overload = name.partition(".")
    x = torch.tensor([[1.0, -2.0], [3.0, 4.0]])
    given = ([x, x],) if args == "list" else (x, x) if args == "self" else (x, *args)
    function = getattr(torch, op, None) or getattr(torch.Tensor, op, None) or torch.linalg.vector_norm
    overloaded = getattr(getattr(torch.ops.aten, op), overload)
    assert (
        overloaded(*given).tolist()
        == function(*given).tolist()
        == getattr(torch.ops.aten, op)(*given).tolist()
    )
    assert str(overloaded) == f"aten.{name}"


def test_what_the_table_has_not() -> None:
    with pytest.raises(AttributeError, match="no overload name 'nothing'"):
        torch.ops.aten.add.nothing  # noqa: B018
    with pytest.raises(AttributeError, match="'aten' object has no attribute 'nothing'"):
        torch.ops.aten.nothing  # noqa: B018


def test_sizes_that_depend_on_data_are_refused() -> None:
    with pytest.raises(NotImplementedError, match="depends on data"):
        library.get_ctx().new_dynamic_size()
    with pytest.raises(NotImplementedError, match="nothing is compiled"):
        op = library.custom_op("tests::cubed", cubed, mutates_args=())
        library.opcheck(op, (torch.ones(1),), test_utils="test_aot_dispatch_dynamic")

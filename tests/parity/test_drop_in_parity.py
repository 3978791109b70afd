"""Details that programs and packages rely on where they are served: what is refused, printed and called how."""

from __future__ import annotations

import warnings
from typing import Any  # both spellings

import pytest
import torch as reference
from outcomes import check

import tritonnn


@pytest.mark.parametrize("given", [
    {"options": {"max_autotune": True, "epilogue-fusion": False, "triton.cudagraphs": True}}, {"options": {}},
    {"options": {"max_autotun": True}}, {"options": {"max_autotune": "yes"}}, {"options": {"compile_threads": 1.5}},
    {"mode": "fast"}, {"mode": "default", "options": {}}, {"mode": "reduce-overhead"}, {"backend": "nope"},
    {"backend": "eager"},
], ids=str)  # fmt: skip
def test_what_compile_refuses(given: dict[str, Any]) -> None:
    def program(t: Any) -> Any:
        with (
            warnings.catch_warnings()
        ):  # PyTorch imports its compiler, which warns; here it is said that there is none
            warnings.simplefilter("ignore")
            return callable(t.compile(lambda x: x, **given))

    check(program, same_words=False)


def test_options_and_modes_are_those_of_pytorch() -> None:

    own = tritonnn._inductor

    assert own.list_mode_options() == reference._inductor.list_mode_options()
    assert set(own.list_options()) == set(reference._inductor.list_options())
    with pytest.raises(RuntimeError, match="did you mean max_autotune"):
        tritonnn.compile(abs, options={"max_autotun": True})


def test_the_default_backend() -> None:
    def program(t: Any) -> Any:
        t.compiler.set_default_backend("eager")
        first = t.compiler.get_default_backend()
        t.compiler.set_default_backend(None)
        return first, t.compiler.get_default_backend()

    check(program)


@pytest.mark.parametrize("kind", [
    list, dict, tuple, list, dict, tuple, (int, list), list[int], list[int], dict[str, int], int, (list[str], int),
], ids=str)  # fmt: skip
def test_bare_containers_are_no_types_of_jit(kind: Any) -> None:
    check(lambda t: t.jit.isinstance([1], kind), same_words=False)


def test_a_namespace_is_defined_once() -> None:
    def program(t: Any, name: str, kind: str) -> Any:
        first = t.library.Library(name, "DEF")
        try:
            return t.library.Library(name, kind).ns
        finally:
            first._destroy()

    for name, kind in (("drop_in", "DEF"), ("drop_in", "FRAGMENT"), ("drop_in", "IMPL"), ("aten", "DEF")):
        check(lambda t, name=name, kind=kind: program(t, name, kind), same_words=False)


SCHEMA = (
    "shown(Tensor x, float a=2, float b=2.5, float[] c=[1.0,2], int d=3, bool e=True, str s='x', float? g=None, "
    "float h=1e-5, float i=1e10, int[] j=[1,2], Scalar k=1, Scalar l=1.5, *, float m=-3) -> Tensor"
)


def test_schemas_print_defaults_by_value() -> None:
    def program(t: Any) -> str:
        library = t.library.Library("drop_in_shown", "DEF")
        library.define(SCHEMA)
        return str(t.ops.drop_in_shown.shown.default._schema)

    check(program)


def test_operators_are_nodes_by_their_names() -> None:
    def program(t: Any) -> Any:
        library = t.library.Library("drop_in_fx", "DEF")
        library.define("mul2(Tensor x, float by=2) -> Tensor")
        library.impl("mul2", lambda x, by=2.0: x * by, "CompositeExplicitAutograd")
        ops = t.ops

        class Net(t.nn.Module):
            def forward(self, x: Any) -> Any:
                y = ops.drop_in_fx.mul2(x, 3.0) + ops.drop_in_fx.mul2.default(x)
                return ops.aten.relu(y) + ops.aten.add.Tensor(x, ops.drop_in_fx.mul2.default(x, by=1.0))

        traced = t.fx.symbolic_trace(Net())
        nodes = [(node.name, node.op, str(node.target)) for node in traced.graph.nodes]
        return nodes, traced.code, str(traced.graph), traced(t.tensor([-1.0, 2.0])).tolist()

    check(program)

"""The records that ops with several results return are those of torch.return_types."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch as theirs
import torch.utils._pytree as their_trees

import tritonnn as ours
from tritonnn.utils import _pytree as trees

CALLS: dict[str, Callable[[Any, Any], Any]] = {
    "max": lambda t, x: t.max(x, 0),
    "min": lambda t, x: x.min(0),
    "median": lambda t, x: x.median(0),
    "nanmedian": lambda t, x: x.nanmedian(0),
    "mode": lambda t, x: x.mode(0),
    "kthvalue": lambda t, x: x.kthvalue(1),
    "sort": lambda t, x: x.sort(),
    "topk": lambda t, x: x.topk(1),
    "cummax": lambda t, x: x.cummax(0),
    "cummin": lambda t, x: x.cummin(0),
    "aminmax": lambda t, x: x.aminmax(),
    "frexp": lambda t, x: x.frexp(),
    "geqrf": lambda t, x: x.geqrf(),
    "histogram": lambda t, x: t.histogram(x, 3),
    "histogramdd": lambda t, x: t.histogramdd(x, [2, 2]),
    "qr": lambda t, x: t.qr(x),
    "svd": lambda t, x: t.svd(x),
    "slogdet": lambda t, x: t.slogdet(x),
    "linalg_qr": lambda t, x: t.linalg.qr(x),
    "linalg_svd": lambda t, x: t.linalg.svd(x),
    "linalg_slogdet": lambda t, x: t.linalg.slogdet(x),
    "linalg_eig": lambda t, x: t.linalg.eig(x),
    "linalg_eigh": lambda t, x: t.linalg.eigh(x),
    "linalg_cholesky_ex": lambda t, x: t.linalg.cholesky_ex(x),
    "linalg_inv_ex": lambda t, x: t.linalg.inv_ex(x),
    "linalg_ldl_factor": lambda t, x: t.linalg.ldl_factor(x),
    "linalg_ldl_factor_ex": lambda t, x: t.linalg.ldl_factor_ex(x),
    "linalg_lstsq": lambda t, x: t.linalg.lstsq(x, x),
    "linalg_lu": lambda t, x: t.linalg.lu(x),
    "linalg_lu_factor": lambda t, x: t.linalg.lu_factor(x),
    "linalg_lu_factor_ex": lambda t, x: t.linalg.lu_factor_ex(x),
    "linalg_solve_ex": lambda t, x: t.linalg.solve_ex(x, x),
    "lu_unpack": lambda t, x: t.lu_unpack(*t.linalg.lu_factor(x)),
    "triangular_solve": lambda t, x: t.triangular_solve(x, x),
    "_lu_with_info": lambda t, x: t.lu(x, get_infos=True),
}
WITHOUT = {
    "var_mean": lambda t, x: t.var_mean(x),
    "lu": lambda t, x: t.lu(x),
    "unique": lambda t, x: t.unique(x, True, True),
}


def result(t: Any, call: Callable) -> Any:
    return call(t, t.tensor([[2.0, 1.0], [1.0, 3.0]]))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CALLS)
def test_record(name: str) -> None:
    got, wanted = (result(t, CALLS[name]) for t in (ours, theirs))
    mine, other = type(got), type(wanted)
    assert mine is getattr(ours.return_types, name) and other is getattr(theirs.return_types, name)
    for count in ("n_fields", "n_sequence_fields", "n_unnamed_fields", "__match_args__"):
        assert getattr(mine, count) == getattr(other, count)
    assert mine.__bases__ == (tuple,) and len(got) == len(wanted)
    for place, field in enumerate(mine.__match_args__):
        assert getattr(got, field) is got[place] and getattr(wanted, field) is wanted[place]
    assert type(pickle.loads(pickle.dumps(got))) is mine
    labels = [line.partition("=")[0] for line in repr(got).split("\n") if "=" in line]
    assert labels == [line.partition("=")[0] for line in repr(wanted).split("\n") if "=" in line]


def test_all_are_made() -> None:
    """But for those of `out=`, which are the same here, and of what has no function here."""
    names = {
        n for n, kind in vars(theirs.return_types).items()
        if getattr(kind, "__module__", "") == "torch.return_types" and hasattr(kind, "n_fields")
    }  # fmt: skip
    names = {n for n in names if not n.endswith("_out") and not n.startswith("_")}
    assert names <= {kind.__name__ for kind in ours.return_types.all_return_types} == {*CALLS}


@pytest.mark.parametrize("name", WITHOUT)
def test_plain_tuples(name: str) -> None:
    assert type(result(ours, WITHOUT[name])) is type(result(theirs, WITHOUT[name])) is tuple


def test_construction() -> None:
    for t in (ours, theirs):
        kind = t.return_types.max
        assert kind([1, 2]) == (1, 2) and kind((1, 2)).indices == 2
        assert repr(kind([1, 2])) == "torch.return_types.max(\nvalues=1,\nindices=2)"
        with pytest.raises(TypeError, match="constructor requires a sequence"):
            kind(1)
        with pytest.raises(TypeError, match=r"takes a 2-sequence \(1-sequence given\)"):
            kind([1])


def test_trees() -> None:
    for t, tree in ((ours, trees), (theirs, their_trees)):
        values = result(t, CALLS["max"])
        leaves, spec = tree.tree_flatten(values)
        assert len(leaves) == 2 and type(tree.tree_unflatten(leaves, spec)) is t.return_types.max
        assert type(tree.tree_map(lambda x: x + 1, values)) is t.return_types.max
        assert str(tree.tree_flatten_with_path(values)[0][0][0]) == "(SequenceKey(idx=0),)"
        assert tree.is_structseq(values) and not tree.is_namedtuple(values)
    batched = ours.vmap(lambda x: x.max(0))(ours.ones(2, 3))
    assert type(batched) is ours.return_types.max and batched.values.tolist() == [1.0, 1.0]

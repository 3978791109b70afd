"""Calls with sparse tensors that both libraries answer, or refuse, alike: name -> (library, sparse tensor) -> result."""

from __future__ import annotations

from typing import Any

LAYOUTS = ("coo", "csr", "csc", "bsr", "bsc")


def dense(t: Any) -> Any:
    return t.tensor([[0, 1.0, 0, 0], [2, 0, 3, 0], [0, 0, 0, 0.5], [0, -4, 0, 0]])


def sparse(t: Any, layout: str, x: Any = None) -> Any:
    x = dense(t) if x is None else x
    if layout == "coo":
        return x.to_sparse()
    return getattr(x, f"to_sparse_{layout}")(*([(2, 2)] if layout[0] == "b" else []))


def like(t: Any, s: Any, x: Any) -> Any:
    """A dense tensor in the layout of another."""
    return x if s.layout is t.strided else sparse(t, repr(s.layout)[-3:], x)


def unsorted(t: Any, dtype: str = "float32") -> Any:
    values = t.tensor([3, 4, 5, -2], dtype=getattr(t, dtype))
    return t.sparse_coo_tensor(t.tensor([[1, 0, 1, 3], [0, 2, 0, 1]]), values, (4, 4))


UNARY = [
    "abs",
    "absolute",
    "angle",
    "asin",
    "asinh",
    "atan",
    "atanh",
    "bitwise_not",
    "ceil",
    "conj",
    "conj_physical",
    "cos",
    "deg2rad",
    "digamma",
    "erf",
    "erfc",
    "erfinv",
    "exp",
    "expm1",
    "floor",
    "frac",
    "i0",
    "isfinite",
    "isinf",
    "isnan",
    "isneginf",
    "isposinf",
    "isreal",
    "lgamma",
    "log",
    "log1p",
    "logical_not",
    "nan_to_num",
    "neg",
    "positive",
    "rad2deg",
    "real",
    "reciprocal",
    "relu",
    "round",
    "rsqrt",
    "sgn",
    "sigmoid",
    "sign",
    "signbit",
    "sin",
    "sinc",
    "sinh",
    "sqrt",
    "square",
    "tan",
    "tanh",
    "trunc",
]

ELEMENTWISE = {
    **{name: lambda t, s, name=name: getattr(t, name)(s * 0.125) for name in UNARY},
    **{f"{name}_": lambda t, s, name=name: getattr((s * 0.125).clone(), f"{name}_")() for name in UNARY},
    "s*s": lambda t, s: s * s, "s*other": lambda t, s: s * like(t, s, dense(t).flip(0)),
    "s*d": lambda t, s: s * (dense(t) + 1), "d*s": lambda t, s: (dense(t) + 1) * s, "s+d": lambda t, s: s + dense(t),
    "d+s": lambda t, s: dense(t) + s, "s+s": lambda t, s: s + s, "alpha": lambda t, s: t.add(s, s, alpha=3),
    "s+other": lambda t, s: s + like(t, s, dense(t).flip(0)),
    "d+alpha s": lambda t, s: t.add(dense(t), s, alpha=-2), "d-s": lambda t, s: dense(t) - s,
    "s*2": lambda t, s: s * 2, "2*s": lambda t, s: 2 * s, "s/d": lambda t, s: s / dense(t), "s/s": lambda t, s: s / s,
    "s/2": lambda t, s: s / 2, "s//2": lambda t, s: s // 2, "s**2": lambda t, s: s**2, "s**0": lambda t, s: s**0,
    "2**s": lambda t, s: 2**s, "2/s": lambda t, s: 2 / s, "s*row": lambda t, s: s * t.arange(4.0),
    "s*column": lambda t, s: s * t.arange(4.0).unsqueeze(1), "s*0-d": lambda t, s: s * t.tensor(3.0),
    "s*double": lambda t, s: s * t.tensor(3.0, dtype=t.float64), "div floor": lambda t, s: t.div(s, 2, rounding_mode="floor"),
    "div trunc": lambda t, s: t.div(s, 2, rounding_mode="trunc"), "mul_ d": lambda t, s: s.clone().mul_(dense(t)),
    "mul_ s": lambda t, s: s.clone().mul_(s), "mul_ 2": lambda t, s: s.clone().mul_(2), "d.mul_(s)": lambda t, s: (dense(t) + 1).mul_(s),
    "add_": lambda t, s: s.clone().add_(s), "sub_": lambda t, s: s.clone().sub_(s), "d.add_": lambda t, s: dense(t).add_(s, alpha=2),
    "eq": lambda t, s: s == s, "eq 0": lambda t, s: s == 0, "lt": lambda t, s: s < s, "equal": lambda t, s: t.equal(s, s),
    "s-s": lambda t, s: s - s, "s+1": lambda t, s: s + 1, "maximum": lambda t, s: t.maximum(s, s), "-s": lambda t, s: -s,
    "abs()": lambda t, s: abs(s), "+s": lambda t, s: +s, "addcmul": lambda t, s: t.addcmul(s, s, s),
}  # fmt: skip

PRODUCTS = {
    "mm sd": lambda t, s: t.mm(s, t.arange(8.0).reshape(4, 2)), "s@d": lambda t, s: s @ t.arange(8.0).reshape(4, 2),
    "mv": lambda t, s: t.mv(s, t.arange(4.0)), "s@v": lambda t, s: s @ t.arange(4.0), "v@s": lambda t, s: t.arange(4.0) @ s,
    "mm ds": lambda t, s: t.mm(t.arange(8.0).reshape(2, 4), s), "d@s": lambda t, s: t.arange(8.0).reshape(2, 4) @ s,
    "mm ss": lambda t, s: t.mm(s, s), "sparse.mm": lambda t, s: t.sparse.mm(s, dense(t)),
    "sparse.mm ds": lambda t, s: t.sparse.mm(dense(t), s), "sparse.mm ss": lambda t, s: t.sparse.mm(s, s),
    "addmm": lambda t, s: t.addmm(t.ones(4, 4), s, dense(t), beta=0.5, alpha=2), "addmm row": lambda t, s: t.addmm(t.arange(4.0), s, dense(t)),
    "sparse.addmm": lambda t, s: t.sparse.addmm(t.ones(4, 4), s, dense(t), beta=2), "addmm_": lambda t, s: t.ones(4, 4).addmm_(s, dense(t)),
    "addmm beta 0": lambda t, s: t.addmm(t.full((4, 4), float("nan")), s, dense(t), beta=0),
    "smm": lambda t, s: t.smm(s, dense(t)).coalesce(), "hspmm": lambda t, s: t.hspmm(s, dense(t)),
    "sspaddmm": lambda t, s: t.sspaddmm(s, s, dense(t), beta=2, alpha=3).coalesce(),
    "sampled": lambda t, s: t.sparse.sampled_addmm(s, t.ones(4, 3), t.arange(12.0).reshape(3, 4), beta=0.5, alpha=2),
    "bmm": lambda t, s: t.bmm(t.stack([s, s * 2]), t.arange(16.0).reshape(2, 4, 2)),
    "linear": lambda t, s: t.nn.functional.linear(t.arange(8.0).reshape(2, 4), s, t.arange(4.0)),
    "shapes": lambda t, s: t.mm(s, t.ones(3, 2)), "sparse.mm shapes": lambda t, s: t.sparse.mm(s, t.ones(3, 2)),
    "dtypes": lambda t, s: t.mm(s, dense(t).double()), "3-d": lambda t, s: t.matmul(s, t.ones(2, 4, 3)),
    "mv shapes": lambda t, s: t.mv(s, t.ones(3)), "mean": lambda t, s: t.sparse.mm(s, dense(t), "mean"),
    "amax": lambda t, s: t.sparse.mm(s, dense(t), "amax"), "amin": lambda t, s: t.sparse.mm(s, dense(t), "amin"),
    "other word": lambda t, s: t.sparse.mm(s, dense(t), "foo"),
}  # fmt: skip

REDUCTIONS = {
    "sum": lambda t, s: s.sum(), "sum 0": lambda t, s: s.sum(0), "sum -1": lambda t, s: t.sum(s, -1), "sum all": lambda t, s: t.sum(s, (0, 1)),
    "sum keep": lambda t, s: s.sum(0, keepdim=True), "sum 1 keep": lambda t, s: s.sum(1, keepdim=True),
    "sparse.sum": lambda t, s: t.sparse.sum(s), "sparse.sum 0": lambda t, s: t.sparse.sum(s, 0),
    "sparse.sum (0, 1)": lambda t, s: t.sparse.sum(s, (0, 1)), "sparse.sum dtype": lambda t, s: t.sparse.sum(s, 1, dtype=t.float64),
    "sparse.sum twice": lambda t, s: t.sparse.sum(s, (0, 0)), "sparse.sum dim": lambda t, s: t.sparse.sum(s, 3),
    "mean": lambda t, s: s.mean(), "norm": lambda t, s: s.norm(), "norm 1": lambda t, s: t.norm(s, 1), "max": lambda t, s: s.max(),
    "amax": lambda t, s: s.amax(), "prod": lambda t, s: s.prod(), "any": lambda t, s: s.any(), "all": lambda t, s: s.all(),
    "softmax 0": lambda t, s: t.sparse.softmax(s, 0), "softmax 1": lambda t, s: t.sparse.softmax(s, 1), "softmax -1": lambda t, s: t.sparse.softmax(s, -1),
    "log_softmax": lambda t, s: t.sparse.log_softmax(s, 1), "softmax dtype": lambda t, s: t.sparse.softmax(s, 0, dtype=t.float64),
    "softmax dim": lambda t, s: t.sparse.softmax(s, 4), "softmax int": lambda t, s: t.sparse.softmax(s.to(t.int64), 1),
    "torch.softmax": lambda t, s: t.softmax(s, 1), "trace": lambda t, s: t.trace(s),
}  # fmt: skip

SHAPES = {
    "t": lambda t, s: s.t(), "transpose": lambda t, s: s.transpose(0, 1), "transpose -1": lambda t, s: t.transpose(s, -1, 0), "T": lambda t, s: s.T,
    "mT": lambda t, s: s.mT, "permute": lambda t, s: s.permute(1, 0), "permute short": lambda t, s: s.permute(1), "movedim": lambda t, s: s.movedim(0, 1),
    "select": lambda t, s: s.select(0, 1), "select 1": lambda t, s: s.select(1, -1), "[0]": lambda t, s: s[0], "[1, 2]": lambda t, s: s[1, 2],
    "[2, 2]": lambda t, s: s[2, 2], "[9]": lambda t, s: s[9], "[:1]": lambda t, s: s[:1], "[tensor]": lambda t, s: s[t.tensor([0])],
    "index_select": lambda t, s: s.index_select(0, t.tensor([3, 1, 1])), "index_select 1": lambda t, s: t.index_select(s, 1, t.tensor([2, 0])),
    "index_select far": lambda t, s: s.index_select(0, t.tensor([4])), "index_select none": lambda t, s: s.index_select(1, t.tensor([], dtype=t.int64)),
    "narrow": lambda t, s: s.narrow(0, 0, 1), "narrow_copy": lambda t, s: s.narrow_copy(0, 1, 2), "narrow_copy 1": lambda t, s: s.narrow_copy(1, 1, 3),
    "narrow_copy far": lambda t, s: s.narrow_copy(1, 3, 3), "cat": lambda t, s: t.cat([s, s]), "cat 1": lambda t, s: t.cat([s, s * 2], 1),
    "cat dense": lambda t, s: t.cat([s, dense(t)]), "cat shapes": lambda t, s: t.cat([s, s.narrow_copy(1, 0, 2)]), "stack": lambda t, s: t.stack([s, s]),
    "stack 2": lambda t, s: t.stack([s, s * 3], -1), "unsqueeze": lambda t, s: s.unsqueeze(0), "unsqueeze 1": lambda t, s: s.unsqueeze(1),
    "unsqueeze -1": lambda t, s: s.unsqueeze(-1), "squeeze": lambda t, s: s.squeeze(), "reshape": lambda t, s: s.reshape(2, 8),
    "view": lambda t, s: s.view(16), "expand": lambda t, s: s.expand(2, 4, 4), "unbind": lambda t, s: s.unbind(0), "unbind 1": lambda t, s: s.unbind(1),
    "iter": lambda t, s: list(s), "flip": lambda t, s: s.flip(0), "chunk": lambda t, s: s.chunk(2), "masked_select": lambda t, s: s.masked_select(dense(t) > 0),
}  # fmt: skip

CONVERSIONS = {
    **{f"to {to}": lambda t, s, to=to: sparse(t, to, s) for to in LAYOUTS}, "to_dense": lambda t, s: s.to_dense(),
    "to_dense dtype": lambda t, s: s.to_dense(t.float64), "to_sparse 1": lambda t, s: s.to_sparse(1), "to_sparse_coo": lambda t, s: s.to_sparse_coo(),
    "to strided": lambda t, s: s.to_sparse(layout=t.strided), "other blocks": lambda t, s: s.to_sparse_bsr((1, 4)),
    "layout": lambda t, s: s.to_sparse(layout=t.sparse_csr), "blocks of csr": lambda t, s: s.to_sparse(layout=t.sparse_csr, blocksize=(2, 2)),
    "sparse_mask": lambda t, s: (dense(t) + 1).sparse_mask(s), "sparse_mask s": lambda t, s: s.sparse_mask(s), "mask shapes": lambda t, s: t.ones(2, 2).sparse_mask(s),
    "mask other": lambda t, s: like(t, s, dense(t).flip(1)).sparse_mask(s), "mask dense": lambda t, s: s.sparse_mask(dense(t)),
    "sparse_resize_": lambda t, s: s.clone().sparse_resize_((5, 4), 2, 0), "resize smaller": lambda t, s: s.clone().sparse_resize_((3, 3), 2, 0),
    "resize dims": lambda t, s: s.clone().sparse_resize_((5, 4), 1, 1), "resize sum": lambda t, s: s.clone().sparse_resize_((5, 4), 1, 0),
    "resize clear": lambda t, s: s.clone().sparse_resize_and_clear_((3, 3), 1, 1), "resize as": lambda t, s: s.clone().resize_as_sparse_(s),
    "copy_": lambda t, s: s.clone().copy_(s * 2), "zero_": lambda t, s: s.clone().zero_(), "fill_": lambda t, s: s.clone().fill_(2),
    "ones_like": lambda t, s: t.ones_like(s), "zeros_like": lambda t, s: t.zeros_like(s), "full_like": lambda t, s: t.full_like(s, 2.0),
    "zeros_like dtype": lambda t, s: t.zeros_like(s, dtype=t.int64), "rand_like": lambda t, s: t.rand_like(s), "clone": lambda t, s: s.clone(),
    "detach": lambda t, s: s.detach(), "double": lambda t, s: s.double(), "to int": lambda t, s: s.to(t.int64), "half": lambda t, s: s.half(),
    "kinds": lambda t, s: (s.numel(), s.dim(), s.is_sparse, s.is_sparse_csr, str(s.layout), s._nnz(), s.sparse_dim(), s.dense_dim(), len(s), tuple(s.shape)),
    **{name: lambda t, s, name=name: getattr(s, name)() for name in (
        "crow_indices", "col_indices", "ccol_indices", "row_indices", "indices", "values", "_indices", "_values", "coalesce",
        "is_coalesced", "stride", "is_contiguous", "tolist", "item", "numpy", "data_ptr", "is_pinned", "nonzero")},
    "bool": lambda t, s: bool(s), "is_same_size": lambda t, s: s.is_same_size(s), "values().fill_": lambda t, s: (s.values().fill_(3), s)[1],
    "new_zeros": lambda t, s: s.new_zeros(2, 3) if s.is_sparse else 0, "diag": lambda t, s: t.diag(s), "where": lambda t, s: t.where(s, 1, 2),
}  # fmt: skip

ALL = {
    "elementwise": ELEMENTWISE,
    "products": PRODUCTS,
    "reductions": REDUCTIONS,
    "shapes": SHAPES,
    "conversions": CONVERSIONS,
}

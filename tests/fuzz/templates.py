"""The lines that programs are written of, as templates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple


class Family(NamedTuple):
    """Lines of one kind.

    Attributes:
        share: how often they are written.
        lines: templates; {x} is a tensor, {y} one that broadcasts with it or a number, {z} one of x's shape and {w} one
            to multiply it with; {d}, {e} are dimensions, {n} x's extent along d, {index} is what may stand in
            brackets, {rows} an index tensor for dimension d, {mask} a mask of x.
        fits: what x may be.
        inexact: whether the last bits of the result may differ.
        jumps: whether x and y have to be exact.
        writes: whether the lines write in place; the others make a new variable.
    """

    share: int
    lines: tuple[str, ...]
    fits: Callable[[Any], bool] = lambda t: True
    inexact: bool = False
    jumps: bool = False
    writes: bool = False


def real(t: Any) -> bool:
    """No complex numbers."""
    return not t.is_complex()


def floating(t: Any) -> bool:
    """Real floating numbers."""
    return bool(t.is_floating_point())


def filled(t: Any) -> bool:
    """With dimensions and elements."""
    return t.dim() > 0 and t.numel() > 0


def split(text: str) -> tuple[str, ...]:
    """Templates, one a line."""
    return tuple(line.strip() for line in text.strip().splitlines())


VIEWS = split("""
    {x}[{index}]
    {x}[{index}]
    {x}.transpose({d}, {e})
    {x}.permute({order})
    {x}.view({flat})
    {x}.reshape({flat})
    {x}.unsqueeze({d})
    {x}.squeeze({d})
    {x}.squeeze()
    {x}.select({d}, 0)
    {x}.select({d}, -1)
    {x}.narrow({d}, 0, max({n} - 1, 0))
    {x}.expand({wide})
    {x}.diagonal()
    {x}.flatten()
    {x}.flatten({d}, -1)
    {x}.unfold({d}, max(min({n}, 2), 1), 1)
    {x}.movedim({d}, {e})
    {x}.mT
    {x}.T if {x}.dim() == 2 else {x}.transpose(-1, 0)
    {x}.chunk(2, {d})[0]
    {x}.split(max({n} // 2, 1), {d})[-1]
    {x}.unbind({d})[0]
    {x}.detach()
    torch.view_as_real({x})
    {x}.swapaxes({d}, {e})
    {x}.view_as({x})
    {x}.contiguous()
    {x}.clone()
    {x}.real
    {x}.t()
    {x}.unflatten({d}, [1, {n}])
    {x}.expand_as({x})
    {x}.data
""")
ARITHMETIC = split("""
    {x} + {y}
    {x} - {y}
    {x} * {y}
    {y} * {x}
    {y} - {x}
    torch.add({x}, {y}, alpha=2)
    {x}.mul({y})
    {x}.addcmul({z}, {z}, value=2)
    torch.lerp({x}, {z}, 0.5)
""")
JUMPS = split("""
    {x} // {y}
    {x} % {y}
    {x} < {y}
    {x} >= {y}
    {x} == {y}
    {x} != {y}
    {x} & {y}
    {x} | {y}
    {x} ^ {y}
    {x} ** 2
    {x} ** 0
    torch.maximum({x}, {z})
    torch.minimum({x}, {z})
    torch.logical_and({x}, {z})
    torch.remainder({x}, {y})
    torch.fmod({x}, {y})
    torch.where({x} == 0, {x}, {z})
    torch.clamp({x}, -1, 1)
    {x}.floor()
    {x}.ceil()
    {x}.round()
    {x}.trunc()
    {x}.frac()
    {x}.amax({d}, {keep})
    {x}.amin()
    {x}.max()
    {x}.min({d}, {keep}).values
    {x}.any()
    {x}.any({d}, {keep})
    {x}.all({d})
    {x}.count_nonzero({d})
    {x}.sort({d}).values
    {x}.detach().topk(1, {d}).values
    {x}.masked_select({mask})
    {x}[{mask}]
    {x}.unique()
    {x}.nonzero()
    {x}.to(torch.int64)
    {x}.to(torch.bool)
    {x}.int()
""")
SUMS = split("""
    {x}.sum()
    {x}.sum({d})
    {x}.sum({d}, keepdim={keep})
    {x}.prod()
    {x}.prod({d}, {keep})
    {x}.cumsum({d})
    {x}.cumprod({d})
    {x} @ {w}
    torch.matmul({x}, {w})
    torch.einsum('...i,ij->...j', {x}, {w})
    {x}.neg()
    {x}.abs()
    {x}.square()
    {x}.relu()
    {x}.sign()
    {x}.to(torch.float64)
    {x}.to(torch.complex128)
    {x}.float()
""")
SMOOTH = split("""
    {x} / {y}
    {x}.exp()
    {x}.sin()
    {x}.tanh()
    {x}.sigmoid()
    {x}.sqrt()
    {x}.log()
    {x}.expm1()
    {x}.log1p()
    {x}.rsqrt()
    {x}.atan()
    {x}.asinh()
    {x}.reciprocal()
    {x}.to(torch.bfloat16)
    {x}.to(torch.float16)
""")
MEANS = split("""
    {x}.mean()
    {x}.mean({d}, {keep})
    {x}.std()
    {x}.var({d}, keepdim={keep})
    {x}.logsumexp({d}, {keep})
    {x}.softmax({d})
    {x}.norm()
    {x}.norm(1)
    {x}.norm(2, {d})
    {x}.erf()
""")
PLACES = split("""
    torch.cat([{x}, {z}], {d})
    torch.stack([{x}, {z}], {d})
    torch.hstack([{x}, {z}])
    {x}.flip({d})
    {x}.roll(1, {d})
    {x}.repeat([2, *[1] * {x}.dim()])
    {x}.tile(2)
    {x}.tril()
    {x}.repeat_interleave(2, {d})
    {x}.index_select({d}, {rows})
    {x}.gather({d}, {zeros})
    {x}.take({rows} * 0)
    {x}.index_add({d}, {rows}, {x}.index_select({d}, {rows}))
    {x}.index_copy({d}, {rows}, {x}.index_select({d}, {rows}) * 0)
    {x}.index_fill({d}, {rows}, 3)
    {x}.scatter({d}, {zeros}[..., :1], 2)
    {x}.scatter_add({d}, {zeros}, {x})
    {x}.index_put(({rows} * 0,), torch.ones((), dtype={x}.dtype, device={x}.device))
    {x}[{rows} * 0]
    torch.nn.functional.pad({x}, (1, 2))
    torch.atleast_2d({x})
    torch.diag_embed({x})
""")
WRITES = split("""
    {x}.add_({y})
    {x}.mul_({y})
    {x}.sub_({z})
    {x}.copy_({z})
    {x}.zero_()
    {x}.fill_(2)
    {x}[{index}] = {number}
    {x}[{index}] = {x}[{index}] * 2
    {x}[{index}] += 1
    {x}.neg_()
    {x}.square_()
    {x}.t_()
    {x}.unsqueeze_(0)
    {x}.squeeze_()
    {x}.transpose_({d}, -1)
    {x}.index_fill_({d}, {rows}, 1)
    {x}.detach_()
    {x} += {y}
    {x} *= 2
    {x}.div_(2)
    {x}.scatter_({d}, {zeros}[..., :1], 2)
    {x}.index_add_({d}, {rows}, {x}.index_select({d}, {rows}).detach())
""")
JUMPING_WRITES = split("""
    {x}.relu_()
    {x}.clamp_(-1, 1)
    {x}.masked_fill_({mask}, 1)
    {x}[{x} == 1] = 2
""")
SMOOTH_WRITES = split("""
    {x}.exp_()
    {x}.div_({z})
    {x}.tanh_()
""")
FAMILIES = (
    Family(8, VIEWS), Family(6, ARITHMETIC), Family(6, JUMPS, real, jumps=True), Family(4, SUMS),
    Family(3, SMOOTH, inexact=True), Family(2, MEANS, floating, inexact=True), Family(4, PLACES, filled),
    Family(6, WRITES, writes=True), Family(1, JUMPING_WRITES, real, jumps=True, writes=True),
    Family(1, SMOOTH_WRITES, inexact=True, writes=True),
)  # fmt: skip

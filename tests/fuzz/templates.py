"""The lines that programs are written of, as templates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from fuzz.written import (
    BACKWARD,
    GRADIENTS,
    INTO,
    JUMPING_WRITES,
    QUIET,
    SMOOTH_WRITES,
    THROUGH_VIEWS,
    UNRECORDED,
    WRITES,
    split,
)


class Family(NamedTuple):
    """Lines of one kind.

    Attributes:
        share: how often they are written.
        lines: templates; {x} is a tensor, {y} one that broadcasts with it or a number, {z} one of x's shape and {w} one
            to multiply it with; {d}, {e} are dimensions, {n} x's extent along d, {index} is what may stand in
            brackets, {rows} an index tensor for dimension d, {first} one for the first dimension, {mask} and {some}
            masks of x, {dims} several dimensions, {type} a dtype, {o} any tensor, {l} a leaf that requires grad.
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
JOINED = split("""
    torch.cat([{x}, {x}.to({type})], {d})
    torch.stack([{x}, {z}.to({type})], {d})
    torch.cat([{x}[None], {z}[None], {x}[None]])
    torch.stack({x}.unbind({d}), {e})
    torch.cat({x}.chunk(2, {d})[::-1], {d})
    torch.cat({x}.split([1, {n} - 1], {d}), {e})
    sum({x}.unbind({d}))
    torch.vstack([{x}, {z}])
    torch.where({some}, {x}, {y})
    torch.where({some}, {number}, {x})
    {x}.masked_fill({some}, {number})
    {x}.masked_scatter({some}, {z})
    {x}[{some}]
    {x}[{first}]
    {x}[{first}, ...]
    {x}[..., None, {first}, :] if {x}.dim() == 2 else {x}[None]
    {x}[{first}[:, None], {first} * 0] if {x}.dim() > 1 else {x}[{first}]
    {x}.index_put(({first},), {x}[{first}] * 2)
    {x}.index_put(({first},), {x}[{first}], accumulate=True)
    {x}.take_along_dim({zeros}, {d})
    {x}.scatter_reduce({d}, {zeros}, {x}, 'sum')
    {x}.select_scatter({x}.select({d}, 0) * 2, {d}, -1)
    {x}.diff(dim={d})
    {x}.rot90() if {x}.dim() > 1 else {x}
    {x}.unfold({d}, 1, 1).squeeze(-1)
    {x}.as_strided([2], [1], 0) if {x}.is_contiguous() and {x}.numel() > 1 else {x} * 1
    {x}.to({type})
    {x}.to({y}) if isinstance({y}, torch.Tensor) else {x}.half()
    {x}.type_as({z})
    {x}.sum({dims}, {keep})
    {x}.sum({d}, dtype={type})
    {x}.view_as({z})
    {x}.new_zeros({x}.shape) + {x}
    torch.zeros_like({x}, dtype={type}) + {x}
    torch.broadcast_tensors({x}, {x}[:1])[1]
""")
LINEAR = split("""
    torch.einsum('...i,...j->...ij', {x}, {x})
    torch.einsum('i...,i...->...', {x}, {z})
    torch.einsum('ij,kj->ki', {x}, {z}) if {x}.dim() == 2 else {x} * {z}
    torch.nn.functional.linear({x}, {w}.t())
    torch.mm({x}, {w}) if {x}.dim() == 2 else {x} @ {w}
    torch.bmm({x}, {z}.mT) if {x}.dim() == 3 else {x} @ {w}
    torch.addmm({w}[0], {x}, {w}) if {x}.dim() == 2 else {x} @ {w}
    torch.outer({x}, {z}) if {x}.dim() == 1 else {x} @ {w}
    torch.dot({x}, {z}) if {x}.dim() == 1 else {x} @ {w}
    torch.mv({w}.t(), {x}) if {x}.dim() == 1 else {x} @ {w}
    torch.tensordot({x}, {w}, 1)
    {x}.trace() if {x}.dim() == 2 else {x}.sum()
    {x}.matmul({x}.transpose(-1, -2)) if {x}.dim() > 1 else {x} * 2
    {x}.addcdiv({z}, {z} * 0 + 2)
    {x}.sub({z}, alpha=2)
    {x}.mul({x})
    {x}.pow(3)
    torch.triu({x}, 1) if {x}.dim() > 1 else {x}
""")
LAYERS = split("""
    torch.nn.functional.gelu({x})
    torch.nn.functional.silu({x})
    torch.nn.functional.elu({x})
    torch.nn.functional.leaky_relu({x}, 0.1)
    torch.nn.functional.softplus({x})
    {x}.log_softmax({d})
    {x}.nansum({d})
    torch.nn.functional.layer_norm({x}, {x}.shape[-1:])
    torch.nn.functional.normalize({x}, dim={d})
    torch.nn.functional.mse_loss({x}, {z})
    torch.nn.functional.l1_loss({x}, {z}, reduction='none')
    torch.nn.functional.dropout({x}, 0.0)
    {x}.cumsum({d}).cos()
    {x}.logcumsumexp({d})
    {x}.var({d}, correction=0)
    {x}.mean({dims}, {keep})
    {x}.std({dims})
    {x}.prod({d}, dtype=torch.float64)
    {x}.norm(dim={dims}, keepdim={keep})
    {x}.abs().clamp(min=0.5).log2()
    {x}.cos()
    {x}.erf()
    {x}.exp2()
    {x}.logaddexp({z})
    torch.atan2({x}, {z})
    torch.hypot({x}, {z})
""")


def recorded(t: Any) -> bool:
    """With a gradient."""
    return bool(t.requires_grad)


FAMILIES = (
    Family(8, VIEWS), Family(6, ARITHMETIC), Family(6, JUMPS, real, jumps=True), Family(4, SUMS),
    Family(3, SMOOTH, inexact=True), Family(2, MEANS, floating, inexact=True), Family(4, PLACES, filled),
    Family(6, WRITES, writes=True), Family(1, JUMPING_WRITES, real, jumps=True, writes=True),
    Family(1, SMOOTH_WRITES, inexact=True, writes=True), Family(4, JOINED, filled), Family(2, LINEAR),
    Family(2, LAYERS, floating, inexact=True), Family(1, QUIET), Family(1, UNRECORDED, writes=True),
    Family(5, THROUGH_VIEWS, filled, writes=True), Family(1, INTO), Family(1, BACKWARD, recorded, writes=True),
    Family(2, GRADIENTS, recorded),
)  # fmt: skip

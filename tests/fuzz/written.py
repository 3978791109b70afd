"""The lines of programs that write in place, into `out=`, with recording off, and that run backward or add hooks."""

from __future__ import annotations


def split(text: str) -> tuple[str, ...]:
    """Templates, one a line."""
    return tuple(line.strip() for line in text.strip().splitlines())


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
UNRECORDED = split("""
    with torch.no_grad(): {x}.add_({y})
    with torch.no_grad(): {x}[{index}] = {number}
    with torch.no_grad(): {x}.mul_(2)
    {x}.detach().mul_(2)
    {x}.data.add_(1)
    with torch.no_grad(): {x}.copy_({z})
""")
QUIET = split("""
    {x}.detach().requires_grad_({x}.is_floating_point())
    {x}.detach().clone()
    quietly(lambda: {x}.view(-1))
    quietly(lambda: {x} * 2)
    {x}.clone().detach_()
""")
THROUGH_VIEWS = split("""
    {x}.view(-1)[::2].mul_(2)
    {x}.t()[0].add_({number})
    {x}[{index}].mul_(2)
    {x}[{index}].copy_({x}[{index}] * 2)
    {x}.select({d}, 0).zero_()
    {x}.select({d}, -1).sub_({number})
    {x}.narrow({d}, 0, 1).add_({x}.narrow({d}, -1, 1))
    {x}.diagonal().neg_()
    {x}.transpose({d}, {e})[0].add_(1)
    {x}.unbind({d})[0].mul_(2)
    {x}.chunk(2, {d})[0].add_(1)
    {x}.unsqueeze({d}).squeeze({d}).mul_({y})
    {x}.permute({order}).unbind(0)[-1].fill_(1)
    {x}.flatten().add_(1)
    {x}.reshape(-1)[:1].add_(1)
    {x}.real.mul_(2)
    torch.view_as_real({x})[..., 0].add_(1)
    {x}[{some}] = {number}
    {x}[{some}] += 1
    {x}[{first}] = {number}
    {x}[{first}] = {x}[{first}] * 2
    {x}[{first}, ...] += 1
    {x}[..., 0] = {x}[..., -1]
    {x}.masked_fill_({some}, {number})
    {x}.masked_scatter_({some}, {z} * 1)
    {x}.index_put_(({first},), {x}[{first}], accumulate=True)
    {x}.index_copy_({d}, {rows} * 0, {x}.index_select({d}, {rows} * 0))
    {x}.scatter_add_({d}, {zeros}, {z})
    {x}.addcmul_({z}, {z})
    {x}.lerp_({z}, 0.5)
    {x}.clamp_(min=0)
    {x} -= {y}
    {x} /= 2
    {x} //= 2
    {x} **= 2
    {x}.swapaxes_({d}, {e})
    {x}.abs_()
    {x}.cumsum_({d})
    {x}.unsqueeze_({d})
    {x}.tril_()
    {x}.fill_diagonal_(2)
""")
INTO = split("""
    torch.add({x}, {y}, out={o})
    torch.mul({x}, {z}, out={o})
    torch.sum({x}, {d}, out={o})
    torch.cat([{x}, {z}], {d}, out={o})
    torch.stack([{x}, {z}], out={o})
    torch.matmul({x}, {z}.mT, out={o})
    torch.where({some}, {x}, {z}, out={o})
    torch.abs({x}.real, out={o})
    torch.eq({x}, {z}, out={o}.detach())
    torch.cumsum({x}, {d}, out={o})
    torch.index_select({x}, {d}, {rows}, out={o})
    torch.add({x}.detach(), {z}.detach(), out={o}.detach())
    torch.neg({x}.detach(), out=torch.empty(0, dtype={x}.dtype, device={x}.device))
""")
BACKWARD = split("""
    {x}.sum().real.backward(retain_graph=True)
    ({x} * {x}).sum().real.backward(retain_graph=True)
    {x}.sum().real.backward()
    {x}.register_hook(lambda g: g * 2)
    {x}.register_hook(lambda g: None)
    {x}.retain_grad()
    {x}.requires_grad_()
    {l}.requires_grad_(False)
    {l}.grad = None
    if {l}.grad is not None: {l}.grad.zero_()
""")
GRADIENTS = split("""
    torch.autograd.grad({x}.sum().real, {l}, retain_graph=True, allow_unused=True)[0]
    torch.autograd.grad(({x} * {x}).sum().real, {x}, create_graph=True)[0]
    torch.autograd.grad(({x} * {x}).sum().real, {l}, create_graph=True, allow_unused=True)[0]
    {l}.grad
    {l}.grad * 1 if {l}.grad is not None else {l} * 1
""")

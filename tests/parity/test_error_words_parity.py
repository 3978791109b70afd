"""An error names the op and the argument it is about, and is of PyTorch's type."""

from __future__ import annotations

import pytest
import torch as reference
from programs import explains, outcome, same

import tritonnn

# A call that PyTorch refuses: the words that the message has.
REFUSED = {
    "torch.arange('a')": ("arange", "'start'", "str"),
    "torch.arange(0, 'a')": ("arange", "'end'", "str"),
    "torch.arange(0, 3, 'a')": ("arange", "'step'", "str"),
    "torch.arange([1])": ("arange", "list"),
    "torch.arange(object())": ("arange", "object"),
    "torch.arange(torch.tensor([3]))": ("arange", "Tensor"),
    "torch.arange(start=0, end=3, step=None)": ("arange", "'step'"),
    "torch.arange(0, 3, 0)": ("arange", "step"),
    "torch.arange(3, 0)": ("arange", "step sign"),
    "torch.linspace('a', 1, 3)": ("linspace", "'start'"),
    "torch.linspace(0, t([0.]), 3)": ("linspace", "end"),
    "torch.logspace(t([0.]), 1, 3)": ("logspace", "start"),
    "torch.std(t([1.]), dim=1.5)": ("std", "'dim'", "float"),
    "torch.var(t([1.]), dim='a')": ("var", "'dim'", "str"),
    "torch.var_mean(t([1.]), 1.5)": ("var_mean", "'dim'", "float"),
    "torch.std(t([1.]), dim=(1.5,))": ("std", "'dim'", "float"),
    "torch.gradient(t([1., 2.]), dim=1.5)": ("gradient", "'dim'", "float"),
    "torch.gradient(t([1., 2.]), dim='a')": ("gradient", "'dim'", "str"),
    "torch.gradient(t([[1., 2.]]), dim=(0, 1.5))": ("gradient", "'dim'", "float"),
    "torch.gradient(t([1., 2.]), dim=(0, 0))": ("gradient", "multiple times"),
    "torch.gradient(t([1., 2.]), spacing='a')": ("gradient", "'spacing'", "str"),
    "torch.gradient(t([1., 2.]), spacing=('a',))": ("gradient", "'spacing'", "str"),
    "torch.gradient(t([1., 2.]), spacing=object())": ("gradient", "'spacing'", "object"),
    "torch.gradient(t([1., 2.]), spacing=t([1., 2.]))": ("gradient", "'spacing'"),
    "torch.gradient(t([1., 2.]), edge_order='a')": ("gradient", "'edge_order'"),
    "torch.tensordot(t([1.]), t([1.]), 'a')": ("tensordot", "dims"),
    "torch.tensordot(t([1.]), t([1.]), ())": ("tensordot", "dims"),
    "torch.tensordot(t([1.]), t([1.]), (0, 1))": ("tensordot", "dims"),
    "torch.tensordot(t([1.]), t([1.]), ([0], ['a']))": ("tensordot", "dims"),
    "torch.tensordot(t([1.]), t([1.]), ([0], [0.5]))": ("tensordot", "dims"),
    "torch.tensordot(t([1.]), t([1.]), ([0], [0], [0]))": ("tensordot", "dims"),
    "torch.tensordot(t([1.]), t([1.]), ([0], [5]))": ("tensordot", "Dimension out of range"),
    "F.ctc_loss(torch.zeros(3, 1, 2), t([[1]]), 'a', (1,))": ("ctc_loss", "'input_lengths'", "str"),
    "F.ctc_loss(torch.zeros(3, 1, 2), t([[1]]), (3,), 'a')": ("ctc_loss", "'target_lengths'", "str"),
    "F.ctc_loss(torch.zeros(3, 1, 2), t([[1]]), (3.5,), (1,))": ("ctc_loss", "'input_lengths'", "float"),
    "F.ctc_loss(torch.zeros(3, 1, 2), t([[1]]), None, (1,))": ("ctc_loss", "'input_lengths'", "NoneType"),
    "F.ctc_loss(torch.zeros(3, 1, 2), t([[1]]), t([3.]), t([1]))": ("ctc_loss", "input_lengths", "integral"),
    "F.ctc_loss(torch.zeros(3, 1, 2), t([[1]]), t([3]), t([1.]))": ("ctc_loss", "target_lengths", "integral"),
    "F.ctc_loss(t(1.), t(1), (3,), (1,))": ("ctc_loss", "log_probs"),
    "F.ctc_loss(t([1., 2.]), t([1]), (3,), (1,))": ("ctc_loss", "log_probs"),
    "F.ctc_loss(torch.zeros(3, 1, 2), t(1), (3,), (1,))": ("ctc_loss", "targets"),
    "torch.trapezoid(t([1., 2.]), dx='a')": ("trapezoid", "'dx'", "str"),
    "torch.cumulative_trapezoid(t([1., 2.]), dx=[1])": ("cumulative_trapezoid", "'dx'", "list"),
    "torch.repeat_interleave(t([1., 2.]), 1.5)": ("repeat_interleave", "'repeats'", "float"),
    "torch.repeat_interleave(t([1., 2.]), t(1.5))": ("repeat_interleave", "repeats", "float32"),
    "torch.repeat_interleave(t([1., 2.]), t([1.5, 1.]))": ("repeat_interleave", "repeats", "float32"),
    "torch.repeat_interleave(t([1.5]))": ("repeat_interleave", "repeats", "float32"),
    "torch.repeat_interleave(t([1., 2.]), t([-1, 1]))": ("repeat_interleave", "negative"),
    "torch.repeat_interleave(t([1., 2.]), t(True))": ("repeat_interleave", "bool"),
    "torch.repeat_interleave(t([1., 2.]), 2, dim=5)": ("repeat_interleave", "Dimension out of range"),
    "F.adaptive_avg_pool2d(t(1.), (1, None))": ("adaptive_avg_pool2d", "dimension"),
    "F.adaptive_avg_pool3d(t([[1.]]), (1, None, 1))": ("adaptive_avg_pool3d", "dimension"),
    "F.adaptive_max_pool3d(t(1.), (1, None, None))": ("adaptive_max_pool3d", "dimension"),
    "F.adaptive_max_pool3d(t(1.), 1)": ("adaptive_max_pool3d", "0-dimensional"),
    "F.bilinear(t(1.), t(1.), torch.ones(1, 1, 1))": ("bilinear", "dimension"),
    "F.bilinear(t([1.]), t(1.), torch.ones(1, 1, 1))": ("bilinear", "input2"),
    "torch._scaled_mm(t(1.), t(1.), t(1.), t(1.))": ("scaled_mm", "0"),
    "torch.split_with_sizes(t(1.), [1])": ("split_with_sizes", "dimension"),
    "torch.split_with_sizes(t([1., 2.]), [1, 1], 5)": ("split_with_sizes", "Dimension out of range"),
    "torch.unflatten(t(1.), 0, (1,))": ("unflatten", "dimension"),
    "F.cross_entropy(t(1.), t(1.))": ("cross_entropy", "dimension"),
    "F.local_response_norm(t(1.), 1)": ("local_response_norm", "3D"),
    "F.interpolate(t(1.), 2)": ("interpolate", "0D"),
    # numbers that a dtype cannot hold: the function that was called is named, not what it fills with
    "torch.full((2,), 300, dtype=torch.uint8)": ("full: ", "uint8_t"),
    "torch.full((2,), 2**70)": ("full: ", "int too big to convert"),
    "torch.full((2,), 1j, dtype=torch.float32)": ("full: ", "float"),
    "torch.full((2,), 300, out=t([1, 2], 'uint8'))": ("full: ", "uint8_t"),
    "torch.full((2,), t(300), dtype=torch.uint8)": ("full: ", "uint8_t"),
    "torch.full_like(t([1, 2], 'uint8'), 300)": ("full_like: ", "uint8_t"),
    "t([1, 2], 'uint8').new_full((2,), 300)": ("new_full: ", "uint8_t"),
    "t([1, 2], 'uint8').fill_(300)": ("fill_: ", "uint8_t"),
    "torch.fill(t([1, 2], 'uint8'), 300)": ("fill: ", "uint8_t"),
    "t([[1, 2], [3, 4]], 'uint8').fill_diagonal_(300)": ("fill_diagonal_: ", "uint8_t"),
    "nn.init.constant_(t([1., 2.], 'float16'), 1e10)": ("constant_: ", "Half"),
    "t([1, 2], 'uint8').scatter(0, t([0]), 300)": ("scatter: ", "uint8_t"),
}  # fmt: skip


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("code", REFUSED)
def test_error(code: str, device: str) -> None:
    got = outcome(tritonnn, code, device)
    same(got, outcome(reference, code))
    explains(got, *REFUSED[code])

"""What the launch path compiles for contiguous tensors of usual sizes reads and writes 16 bytes a thread.

The cases of the compile check say what a kernel can be; here the hints of real calls decide: alignment, sizes that
are multiples of 16, merged dimensions, the order of strides.
"""

from __future__ import annotations

import fake_gpu
import pytest

pytestmark = pytest.mark.exhaustive

library, gpu = fake_gpu.library, fake_gpu.gpu

RECORD = """
import re, warnings
warnings.simplefilter("ignore")
import tritonnn as torch
from tritonnn.kernels.launch import compiled as _compiled
from tritonnn.kernels.check.binary import WIDE
from tritonnn.nn import functional as F

made, first = [], _compiled._launcher

def launcher(compiled):
    text = compiled.asm["ptx"]
    wide = "".join(letter for letter, access in (("L", "load"), ("S", "store"))
                   if re.search(WIDE["sm", access], text))
    made.append((compiled.name, wide))
    return first(compiled)

_compiled._launcher = launcher

def kernels(what, wanted, call):
    '''The call's kernels in `wanted` must have the accesses of which the letters stand there, in one of their
    launches: others put partial results together, or fill.'''
    made.clear()
    call()
    seen = {}
    for name, wide in made:
        seen[name] = seen.get(name, set()) | set(wide)
    for name, letters in wanted.items():
        if name not in seen or not set(letters) <= seen[name]:
            print(what, name, "wanted", letters, "found", seen)

half = {"dtype": torch.bfloat16, "device": "cuda"}
def new(*shape, **options):
    return torch.empty(*shape, **{**half, **options})
"""

FORWARD = {
    "softmax": ("F.softmax(new(64, 1024), 1)", {"softmax_kernel": "LS"}),
    "softmax over channels": ("F.softmax(new(8, 32, 64, 64), 1)", {"softmax_kernel": "LS"}),
    "sum of rows": ("new(512, 1024).sum(1)", {"reduce_kernel": "L"}),
    "sum of columns": ("new(512, 1024).sum(0)", {"reduce_kernel": "L"}),
    "sum": ("new(512, 1024).sum()", {"reduce_kernel": "L"}),
    "argmax": ("new(512, 1024).argmax(1)", {"extreme_kernel": "L"}),
    "variance": ("new(512, 1024).var(1)", {"moments_kernel": "L"}),
    "logsumexp": ("new(512, 1024).logsumexp(1)", {"logsumexp_kernel": "L"}),
    "embedding": ("F.embedding(new(512, dtype=torch.int64), new(1000, 256))", {"lookup_kernel": "LS"}),
    "rows by index": ("new(1000, 256).index_select(0, new(512, dtype=torch.int64))", {"read_kernel": "LS"}),
    "rows by indexing": ("new(1000, 256)[new(512, dtype=torch.int64)]", {"read_kernel": "LS"}),
    "dropout": ("F.dropout(new(64, 1024), 0.1)", {"dropout_kernel": "LS"}),
    "uniform": ("new(64, 1024).uniform_()", {"fill_kernel": "S"}),
    "normal": ("torch.randn(64, 1024, device='cuda')", {"fill_kernel": "S"}),
    "integers": ("torch.randint(9, (64, 1024), device='cuda')", {"randint_kernel": "S"}),
    "arange": ("torch.arange(4096, device='cuda')", {"arange_kernel": "S"}),
    "running sum": ("new(512, 1024).cumsum(1)", {"scan_kernel": "LS"}),
    "sort": ("new(64, 4096).sort(1)",
             {"pack_kernel": "S", "tile_kernel": "LS", "merge_kernel": "L", "pick_kernel": "LS"}),
    "sum of two": ("new(64, 1024) + new(64, 1024)", {"pointwise_kernel": "LS"}),
    "bias": ("new(64, 1024) + new(1024)", {"pointwise_kernel": "LS"}),
    "cast": ("new(64, 1024).float()", {"pointwise_kernel": "LS"}),
    "transposing copy": ("new(512, 1024).t().contiguous()", {"pointwise_kernel": "LS"}),
    "to channels-last": ("new(8, 64, 32, 32).contiguous(memory_format=torch.channels_last)",
                         {"pointwise_kernel": "LS"}),
    "padding": ("F.pad(new(64, 1024), (16, 16))", {"pointwise_kernel": "LS"}),
    "concatenation": ("torch.cat([new(64, 1024), new(64, 512)], 1)", {"cat_kernel": "LS"}),
    "lower triangle": ("new(512, 1024).tril()", {"triangle_kernel": "S"}),
}  # fmt: skip

BACKWARD = {
    "softmax": ("F.softmax(x, 1)", "64, 1024", {"softmax_backward_kernel": "LS"}),
    "layer norm": ("F.layer_norm(x, (1024,), w, b)", "64, 1024",
                   {"row_norm_kernel": "LS", "row_norm_backward_kernel": "LS", "add_parts_kernel": "L"}),
    "long layer norm": ("F.layer_norm(x, (32768,), new(32768), new(32768))", "4, 32768",
                        {"row_norm_kernel": "LS", "long_row_backward_kernel": "LS"}),
    "rms norm": ("F.rms_norm(x, (1024,), w)", "64, 1024",
                 {"row_norm_kernel": "LS", "row_norm_backward_kernel": "LS"}),
    "batch norm": ("F.batch_norm(x, None, None, w[:64], b[:64], training=True)", "8, 64, 32, 32",
                   {"moments_kernel": "L", "normalise_kernel": "LS", "sums_kernel": "L", "gradient_kernel": "LS"}),
    "channels-last batch norm": (
        "F.batch_norm(x, None, None, w[:64], b[:64], training=True)", "8, 64, 32, 32, channels_last",
        {"moments_kernel": "L", "normalise_kernel": "LS", "sums_kernel": "L", "gradient_kernel": "LS"}),
    "group norm": ("F.group_norm(x, 8, w[:80], b[:80])", "8, 80, 32, 32",
                   {"moments_kernel": "L", "normalise_kernel": "LS", "sums_kernel": "L", "gradient_kernel": "LS"}),
    "channels-last group norm": (
        "F.group_norm(x, 8, w[:80], b[:80])", "8, 80, 32, 32, channels_last",
        {"moments_kernel": "L", "normalise_kernel": "LS", "sums_kernel": "L", "gradient_kernel": "LS"}),
    "cross-entropy": ("F.cross_entropy(x, new(64, dtype=torch.int64), w.detach())", "64, 1024",
                      {"cross_entropy_kernel": "L"}),
    "squared error": ("F.mse_loss(x, new(64, 1024))", "64, 1024", {"loss_kernel": "L"}),
}  # fmt: skip


def test_forward(gpu):
    calls = [f"kernels({what!r}, {wanted!r}, lambda: {call})" for what, (call, wanted) in FORWARD.items()]
    assert gpu("\n".join([RECORD, *calls]), TRITON_DEFAULT_FP_FUSION="1") == ""


def test_backward(gpu):
    calls = ["w, b = new(1024, requires_grad=True), new(1024, requires_grad=True)"]
    for what, (call, shape, wanted) in BACKWARD.items():
        sizes, _, channels = shape.partition(", channels")
        leaf = f"new({sizes})" + (
            ".contiguous(memory_format=torch.channels_last)" if channels == "_last" else ""
        )
        calls.append(f"x = {leaf}.requires_grad_()")
        calls.append(f"def call():\n    y = {call}\n    y.backward(torch.empty_like(y))")
        calls.append(f"kernels({what!r}, {wanted!r}, call)")
    assert gpu("\n".join([RECORD, *calls]), TRITON_DEFAULT_FP_FUSION="1") == ""


def test_odd_rows_are_found_out(gpu):
    text = gpu(RECORD + "kernels('odd', {'softmax_kernel': 'L'}, lambda: F.softmax(new(64, 1001), 1))")
    assert text == "odd softmax_kernel wanted L found {'softmax_kernel': set()}\n"


@pytest.mark.parametrize("name", ["SGD", "AdamW"])
def test_steps(gpu, name):
    script = f"""
params = [new(64, 1024).requires_grad_() for _ in range(3)]
for p in params:
    p.grad = torch.empty_like(p)
table = {{"step_table_kernel": "LS"}}
kernels({name!r}, table, torch.optim.{name}(params, lr=0.1).step)
kernels("clipping", {{"norm_table_kernel": "L", "update_table_kernel": "LS"}},
        lambda: torch.nn.utils.clip_grad_norm_(params, 1.0))
"""
    assert gpu(RECORD + script, TRITON_DEFAULT_FP_FUSION="1") == ""

"""The ceiling beside a prediction: the share of its roof that the kernel's counted instructions allow.

Taken from the figures that the kernels' check keeps (`kernels/check/ceiling.py` has the formula), for the rows whose
kernel is known from their names. A ceiling of products is a property of the architecture; one of memory depends on
the product's bandwidth, and is shown for the product it was reckoned for.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from tritonnn.kernels.check.architectures import ARCHITECTURES
from tritonnn.kernels.check.regressions import SLACK, load

#: The architecture of each machine.
BUILT_AS = {"A100": "sm_80", "H100": "sm_90", "H200": "sm_90", "B200": "sm_100"}
_HALF = r"b?float16"
#: Rows by family, name and dtype, and the binaries whose counts they go by; the lowest of several ceilings counts.
ROWS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (rf"attention/full \S+x(64|128)/{_HALF}", (r"attention_kernel[half,{0}{way}]",)),
    (rf"attention/causal \S+x(64|128)/{_HALF}", (r"attention_kernel[half,{0}{way},CAUSAL=1]",)),
    (rf"attention/(?:full|causal) \S+x(64|128) backward/{_HALF}",
     (r"keys_backward_kernel[half,{0}]", r"queries_backward_kernel[half,{0}]")),
    (r"softmax/softmax \d+x131072/float32", ("softmax_kernel[fp32,131072]",)),
    (r"softmax/softmax \d+x4096/float32", ("softmax_kernel[fp32,4096]",)),
    (r"loss/cross entropy \d+x131072/bfloat16", ("cross_entropy_kernel[bf16,131072]",)),
    (r"normalization/layer norm \d+x4096/bfloat16", ("row_norm_kernel[layer,bf16,4096]",)),
)  # fmt: skip


def binaries(key: str, arch: str) -> list[str]:
    """Names of the binaries that do a row, as the kept figures have them."""
    if product := re.fullmatch(rf"(?:matmul|roof)/\D*(\d+)(?:x(\d+)x(\d+))?/{_HALF}", key):
        m, n, k = (int(size) for size in (product[1], product[2] or product[1], product[3] or product[1]))
        return [f"{_of_product(arch, m, n, k)} {arch}"]
    for pattern, names in ROWS:
        if found := re.fullmatch(pattern, key):
            way = _way(arch, int(found[1])) if "{way}" in names[0] else ""
            return [f"{name.format(*found.groups(), way=way)} {arch}" for name in names]
    return []


def _way(arch: str, width: int) -> str:
    """How the labels of attention's cases go on: by the tile that comes first where descriptors are used."""
    from tritonnn.kernels.tables.attention_forward import described

    tiles = described(arch, "plain", width)
    return f",{tiles[0].queries}x{tiles[0].keys} {tiles[0].warps} described" if tiles else ""


def _of_product(arch: str, m: int, n: int, k: int) -> str:
    from tritonnn.kernels.tables.gemm import choose

    tile = choose(arch, "half", m, n, k, descriptors=True).config
    kernel = "persistent_gemm_kernel" if tile.persistent else "gemm_kernel"
    return (
        f"{kernel}[half,{tile.m}x{tile.n}x{tile.k},{tile.warps}w{',specialize' if tile.specialize else ''}]"
    )


@cache
def _counts() -> dict[str, dict[str, Any]]:
    return {name: figures[-1] for name, figures in load().binaries.items() if len(figures) > len(SLACK)}


def ceiling(key: str, machine: str) -> tuple[float, str] | None:
    """Per cent of the roof that a row can reach on a machine, and what sets it; None where nobody has counted."""
    arch = BUILT_AS[machine]
    found = [_counts()[name] for name in binaries(key, arch) if name in _counts()]
    of_products = all(counts["matrix"] for counts in found)
    if not found or not (of_products or ARCHITECTURES[arch].product == machine):
        return None
    lowest = min(found, key=lambda counts: counts["ceiling"])
    return lowest["ceiling"], lowest["by"]


def text(key: str, machine: str) -> str:
    """For reading, behind a prediction; empty where nothing is known."""
    reached = ceiling(key, machine)
    return f", ceiling {reached[0]:.0f} % ({reached[1]})" if reached else ""

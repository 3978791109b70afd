"""uint16, uint32 and uint64 on the GPU give what they give on the CPU, at the ends of their range too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tritonnn as torch
from tritonnn.ops._table import OPS
from tritonnn.table.unsigned import TAKING_UNSIGNED

NAMES = ("uint16", "uint32", "uint64")
CALLS: dict[str, Callable[[Any], Any]] = {
    "mul": lambda x: x * x, "mul by a number": lambda x: x * 3, "eq": lambda x: x == x, "ne": lambda x: x != 2,
    "and": lambda x: x & 6, "xor": lambda x: x ^ 5, "or": lambda x: x | 1,
    "float": lambda x: x.float(), "double": lambda x: x.double(), "int64": lambda x: x.to(torch.int64),
    "int8": lambda x: x.to(torch.int8), "bool": lambda x: x.bool(), "clone": lambda x: x.clone(),
    "strided": lambda x: x[::2].contiguous(), "fill": lambda x: x.clone().fill_(7),
    "full": lambda x: torch.full_like(x, 9),
    "cat": lambda x: torch.cat([x, x]), "stack": lambda x: torch.stack([x, x]), "index": lambda x: x[[0, 2, -1]],
    "where": lambda x: torch.where(x == 2, x, x * 2), "sum": lambda x: x[:3].sum(), "any": lambda x: x.any(),
    "sort": lambda x: x.sort()[0], "sort down": lambda x: x.sort(descending=True)[0], "argsort": lambda x: x.argsort(),
    "unique": lambda x: x.unique(), "cumsum": lambda x: x[:3].cumsum(0), "sqrt": lambda x: x.sqrt(),
    "div": lambda x: x / 2, "pad": lambda x: torch.nn.functional.pad(x, (1, 2)), "round": lambda x: x.round(),
    "fill with the largest": lambda x: x.clone().fill_(torch.iinfo(x.dtype).max),
    "fill with -1": lambda x: x.clone().fill_(-1),
    "full of the largest": lambda x: torch.full_like(x, torch.iinfo(x.dtype).max),
    "mul by the largest": lambda x: x * torch.iinfo(x.dtype).max, "mul by -1": lambda x: x * -1,
    "eq to the largest": lambda x: x == torch.iinfo(x.dtype).max, "and -1": lambda x: x & -1,
    "pad with the largest": lambda x: torch.nn.functional.pad(x, (1, 2), value=torch.iinfo(x.dtype).max),
    "signbit": lambda x: x.signbit(), "nan_to_num": lambda x: x.nan_to_num(),
    "from negative": lambda x: torch.tensor([-1, -300], device=x.device).to(x.dtype),
    "from fractions": lambda x: torch.tensor([1.5, 300.7, 65535.0], device=x.device).to(x.dtype),
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("call", CALLS)
def test_kernel_matches_twin(call: str, name: str) -> None:
    top = int(np.iinfo(name).max)
    x = torch.from_numpy(np.array([2, 0, 200, top, top // 2 + 1, top // 2, 1], name))
    got, wanted = CALLS[call](x.cuda()), CALLS[call](x)
    assert got.dtype is wanted.dtype and got.device.type == "cuda"
    np.testing.assert_allclose(np.asarray(got.tolist()), np.asarray(wanted.tolist()), rtol=1e-6, atol=0)


@pytest.mark.parametrize("name", NAMES)
def test_order_of_the_whole_range(name: str) -> None:
    values = np.random.default_rng(0).integers(0, np.iinfo(name).max, 100, dtype=name, endpoint=True)
    for device in ("cpu", "cuda"):
        x = torch.from_numpy(values.copy()).to(device)
        assert x.sort()[0].tolist() == np.sort(values).tolist()
        assert x.unique().tolist() == np.unique(values).tolist()


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_refused_by_name(device: str) -> None:
    x = torch.tensor([1, 2], dtype=torch.uint32, device=device)
    with pytest.raises(NotImplementedError, match="add: not implemented for uint32"):
        x + x
    with pytest.raises(NotImplementedError, match=r"topk: not implemented for uint32.*torch.int64"):
        x.topk(1)
    with pytest.raises(
        RuntimeError, match=r"Promotion for uint16, uint32, uint64 types is not supported.*int64 and uint32"
    ):
        torch.tensor([1, 2], device=device) * x


def test_names_are_of_entries() -> None:
    assert not [name for name in TAKING_UNSIGNED if name not in OPS]


def test_a_number_beyond_int64_has_a_binary_of_its_own() -> None:
    """Triton compiles its parameter as uint64: one for int64 would be given a number that it cannot hold."""
    compiled = pytest.importorskip("tritonnn.kernels.launch.compiled")
    keys = []
    for number in (5, 1 << 40, 1 << 62, (1 << 63) - 1, 1 << 63, (1 << 64) - 1, -(1 << 63)):
        keys.append([])
        compiled._specialise((number,), keys[-1], [])
    small, wide, wider, odd, beyond, most, least = map(tuple, keys)
    assert wide == wider == least and len({small, wide, odd, beyond, most}) == 5

"""Written by indices: tensors that show an element of memory several times, for which PyTorch only warns."""

from __future__ import annotations

from typing import Any

import pytest
from programs import hold

LINES = """
put(x(3, 1), 3, 4, at=(i,), v=v(2, 4))
put(x(3, 1), 3, 4, at=(i,), v=v(1))
put(x(3, 1), 3, 4, at=(i,), v=v())
put(x(3, 1), 3, 4, at=(slice(None), i), v=v(3, 2))
put(x(3, 1), 3, 4, at=(i, i), v=v(2))
put(x(1, 4), 3, 4, at=(i,), v=v(2, 4))
put(x(1, 4), 3, 4, at=(slice(None), i), v=v(3, 2))
put(x(1, 4), 3, 4, at=(-i - 1,), v=v(4))
put(x(2, 1, 3), 2, 4, 3, at=(0, i), v=v(2, 3))
put(x(2, 1, 3), 2, 4, 3, at=(i[:, None], slice(1, 3), i), v=v(2, 2, 2))
put(x(2, 1, 3), 2, 4, 3, at=(i * 0, slice(None), i), v=v(2, 4))
put(x(2, 1, 3), 2, 4, 3, at=(None, i * 0), v=v(3))
put(x(3, 1), 3, 4, at=(m,), v=v())
put(x(3, 1), 3, 4, at=(m,), v=v(4))
put(x(3, 1), 3, 4, at=(m[0],), v=v(4))
put(x(1, 4), 3, 4, at=(m,), v=v(4))
put(x(1, 4), 3, 4, at=(m[:, 0],), v=v(4))
put(x(3, 1).bool(), 3, 4, at=(i,), v=v(2, 4) > 3)
put(x(3, 1), 3, 4, at=(i + 2,), v=v(2, 4))
put(x(1, 4), 3, 4, at=(i + 2,), v=v(2, 4))
put(x(3, 1), 3, 4, at=(slice(None), i + 3), v=v(3, 2))
put(x(3, 1), 3, 4, at=(i,), v=v(3))
x(3, 1).expand(3, 4).index_put_((i, i), v(2))
x(3, 1).expand(3, 4).index_put_((i,), v(2, 4), True)
x(3, 1).expand(3, 4).index_put_((i * 0, i), v(2), accumulate=True)
x(1, 4).expand(3, 4).index_put_((i,), v(2, 4), accumulate=True)
x(1, 4).expand(3, 4).index_put_((i, i * 0), v(2), accumulate=True)
torch.index_put_(x(1).expand(4), (i,), v(2), True)
torch.tensor(1.0).expand(2, 3).index_put_((i,), v(3))
x(3, 1).expand(3, 4).index_put((i,), v(2, 4))
x(1, 4).expand(3, 4).index_put((i,), v(2, 4), True)
x(3, 1).expand(3, 4).index_fill_(1, i + 3, 1)
x(3, 1).expand(3, 4).index_fill_(1, -i, 1)
x(3, 1).expand(3, 4).index_fill_(1, i[:0], 1)
x(3, 1).expand(3, 4).index_fill_(1, i[1], 1)
x(3, 1).expand(3, 4).index_fill_(0, i + 2, 1)
(x(3, 1) * w).expand(3, 4).index_put_((i,), v(2, 4)).sum()
"""


@pytest.mark.filterwarnings("ignore:Use of (index_put_|masked_fill_|index_fill_) on expanded tensors")
@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("line", LINES.split("\n")[1:-1])
def test_what_is_written_by_indices_is_read_wherever_it_is_seen(line, device):
    def names(library: Any) -> dict[str, Any]:
        def filled(*shape: int) -> Any:
            return library.arange(float(library.zeros(shape).numel())).reshape(shape)

        def put(seen: Any, *shape: int, at: Any, v: Any) -> Any:
            tensor = seen.expand(shape)
            tensor[at] = v
            return tensor

        return {
            "x": filled, "v": lambda *shape: filled(*shape) + 10, "put": put, "i": library.tensor([0, 1]),
            "m": (filled(3, 4) % 5 == 1), "w": library.ones((), requires_grad=True),
        }  # fmt: skip

    hold(line, names, device)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_such_a_write_warns(device):
    import tritonnn

    x = tritonnn.zeros(3, 1, device=device).expand(3, 4)
    with pytest.warns(UserWarning, match="Use of index_put_ on expanded tensors is deprecated"):
        x[tritonnn.tensor([0, 2], device=device)] = 1.0
    assert x[:, 0].tolist() == [1, 0, 1]

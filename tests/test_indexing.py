"""Subscripts against NumPy: reading, writing and gradients, on both devices; then what PyTorch does otherwise."""

from __future__ import annotations

import numpy as np
import pytest

import tritonnn as torch

DEVICES = ("cpu", "cuda")
S = slice
N = None
E = Ellipsis
MASK = np.array([[True, False, True, False], [False, True, False, False], [True, True, False, True]])


def cube() -> np.ndarray:
    return np.arange(60.0).reshape(3, 4, 5)


# Subscripts of a (3, 4, 5) array that NumPy and PyTorch read alike. Index arrays are lists or ndarrays here and
# become tensors on the device under test as well.
BASIC = [
    0, -1, (1, 2), (1, 2, 3), (0, E), (E, 0), (E, -1, N), E, (), N, (N, 1, N), S(None), S(1, 3), S(-2, None),
    S(0, 0), S(2, 1), S(None, None, 2), S(-100, 100), (S(None), 1), (S(1, 3), S(0, 4, 2)),
    (S(None), S(None), -2), (E, S(1, 4, 2), 0), (0, N, E, N), (S(None), N, 2), (N, N, 0, 0, 0),
    (1, S(None), S(4, 1)), (S(3, None),), (S(-1, None), -1, -1),
]  # fmt: skip
ADVANCED = [
    [0], [0, 2], [2, 0, 0], np.array([[0, 1], [2, 0]]), np.array([0, -1]), (S(None), [0, 3, 3]), (E, [1, -5]),
    (S(None), S(None), [0]), ([0, 1], [1, 2]), ([[0], [2]], [1, 3]), ([0, 1], S(None), [1, 2]),
    (S(None), [0, 1], [2, 3]), ([0, 2], [1, 1], [3, 4]), (N, [0, 1]), ([0, 1], N), (S(1, 3), [0, 1]),
    (S(0, 2), [1, 2], S(None, None, 2)), ([1, 2], S(1, 3)), ([0, 1], E, [1, 2]), ([0, 1], N, [1, 2]),
    (S(None), N, [0, 1]), (E, [[0, 1], [2, 3]]), ([0, 1], [0]), (S(None), [[1]], [0, 1, 2]),
    ([2, 1, 0], S(None), 1), (S(1, 2), [0, 1], 2), np.array([], dtype=np.int64),
    (S(None), np.array([], dtype=np.int64)), np.zeros((0, 2), dtype=np.int64), ([0], S(0, 0)),
]  # fmt: skip
MASKED = [
    MASK, (MASK, 0), (MASK, S(1, 3)), (MASK, [0]), (MASK, N), (0, MASK[0]), (S(None), MASK[0]),
    (E, np.array([True, False, False, True, True])), (MASK[:, 0], 1), (MASK[:, 0], S(None), [0]),
    (MASK[:, 0], [1, 2]), cube() > 30, cube() < 0, cube() >= 0, (N, MASK), np.array([False, False, False]),
    [True, False, True], ([True, False, True], 2), True, False, (True, 0), (0, False), (E, True),
]  # fmt: skip
ALL = [*BASIC, *ADVANCED, *MASKED]


def name(key: object) -> str:
    text = str(key).replace("\n", "").replace(" ", "").replace("None", "N").replace("Ellipsis", "...")
    return text[:60]


def on(key: object, device: str) -> object:
    """The subscript with its index arrays as tensors on a device."""
    if isinstance(key, tuple):
        return tuple(on(part, device) for part in key)
    if isinstance(key, (list, np.ndarray)):
        return torch.from_numpy(np.asarray(key)).to(device)
    return key


def is_basic(key: object) -> bool:
    parts = key if isinstance(key, tuple) else (key,)
    return not any(isinstance(part, (list, np.ndarray, bool)) for part in parts)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("key", ALL, ids=name)
def test_read(key, device):
    a = cube()
    x = torch.from_numpy(a).to(device)
    wanted = a[key]
    for subscript in (key, on(key, device)):
        got = x[subscript]
        assert tuple(got.shape) == wanted.shape
        np.testing.assert_array_equal(got.cpu().numpy(), wanted)
        shares = got._storage.block is x._storage.block
        assert shares == is_basic(key)


@pytest.mark.parametrize("key", ALL, ids=name)
def test_read_strided(key):
    a = cube().transpose(2, 1, 0).copy().transpose(2, 1, 0)[:, :, ::1]
    x = torch.from_numpy(a)
    assert not x.is_contiguous()
    np.testing.assert_array_equal(x[key].numpy(), cube()[key])


@pytest.mark.parametrize("key", ALL, ids=name)
def test_gradient_of_read(key):
    a = cube()
    x = torch.from_numpy(a).requires_grad_()
    weights = np.random.default_rng(0).standard_normal(a[key].shape)
    (x[key] * torch.from_numpy(np.asarray(weights))).sum().backward()
    wanted = np.zeros_like(a)
    np.add.at(wanted, key, weights)
    np.testing.assert_allclose(x.grad.numpy(), wanted, atol=1e-12)


def distinct(key: object) -> bool:
    """Whether the subscript names no element twice."""
    places = np.arange(60).reshape(3, 4, 5)[key]
    return np.unique(places).size == places.size


WRITABLE = [key for key in ALL if distinct(key)]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("key", WRITABLE, ids=name)
def test_write(key, device):
    values = np.random.default_rng(1).standard_normal(cube()[key].shape)
    for value in (values, values[..., :1] if values.ndim else values, 7.5):
        a = cube()
        a[key] = value
        for subscript in (key, on(key, device)):
            x = torch.from_numpy(cube()).to(device)
            x[subscript] = (
                value if isinstance(value, float) else torch.from_numpy(np.asarray(value)).to(device)
            )
            np.testing.assert_array_equal(x.cpu().numpy(), a)
            assert x._version >= 1 or values.size == 0


@pytest.mark.parametrize("key", WRITABLE, ids=name)
def test_gradient_of_write(key):
    """Of x * 1 with v written into it: nothing reaches what was overwritten, and v gets the gradient there."""
    a = cube()
    x = torch.from_numpy(a).requires_grad_()
    v = torch.from_numpy(np.asarray(np.random.default_rng(1).standard_normal(a[key].shape))).requires_grad_()
    weights = np.random.default_rng(2).standard_normal(a.shape)
    y = x * 1
    y[key] = v
    (y * torch.from_numpy(weights)).sum().backward()
    wanted = weights.copy()
    wanted[key] = 0
    np.testing.assert_allclose(0 if x.grad is None else x.grad.numpy(), wanted)
    np.testing.assert_allclose(v.grad.numpy(), weights[key])


def test_write_number_has_gradient_zero_there():
    x = torch.ones(4, requires_grad=True)
    y = x * 1
    y[torch.tensor([True, False, True, False])] = 5
    y[3] = 2
    (y * torch.arange(1.0, 5)).sum().backward()
    assert x.grad.tolist() == [0, 2, 0, 0]


def test_write_through_a_view_reaches_the_base():
    x = torch.zeros(3, 4, requires_grad=True)
    y = x * 1
    v = torch.ones(2, requires_grad=True)
    y[1][[0, 2]] = v * 3
    y.t()[3] = 1
    assert y.tolist() == [[0, 0, 0, 1], [3, 0, 3, 1], [0, 0, 0, 1]]
    y.sum().backward()
    assert v.grad.tolist() == [3, 3]
    assert x.grad.tolist() == [[1, 1, 1, 0], [0, 1, 0, 0], [1, 1, 1, 0]]


def test_read_after_write_twice_differentiable():
    x = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64, requires_grad=True)
    y = x[[0, 0, 2]] ** 3
    (g,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    assert g.tolist() == [6, 0, 27]
    (h,) = torch.autograd.grad(g.sum(), x)
    assert h.tolist() == [12, 0, 18]


@pytest.mark.parametrize("device", DEVICES)
def test_repeated_writes_keep_the_last(device):
    x = torch.zeros(3, device=device)
    x[torch.tensor([1, 1, 1], device=device)] = torch.tensor([5.0, 6.0, 7.0], device=device)
    assert x.tolist() == [0, 7, 0]
    x.index_put_((torch.tensor([0, 0, 2], device=device),), torch.tensor(2.0, device=device), accumulate=True)
    assert x.tolist() == [4, 7, 2]


@pytest.mark.parametrize("device", DEVICES)
def test_values_are_converted(device):
    x = torch.zeros(3, dtype=torch.int64, device=device)
    x[0] = 2.7
    x[1] = True
    x[1:] = torch.tensor([3.9, -3.9], device=device)
    assert x.tolist() == [2, 3, -3]
    x[[0, 1]] = 9.5
    assert x.tolist() == [9, 9, -3]
    b = torch.zeros(2, dtype=torch.bool, device=device)
    b[0] = 3
    assert b.tolist() == [True, False]
    with pytest.raises(RuntimeError, match="source and destination dtypes match"):
        x[[0]] = torch.tensor([1.5], device=device)
    with pytest.raises(RuntimeError, match="cannot be converted to type"):
        x[0] = 1 + 2j
    c = torch.zeros(2, dtype=torch.complex64)
    c[0] = 1 + 2j
    assert c.tolist() == [1 + 2j, 0]


@pytest.mark.parametrize("device", DEVICES)
def test_values_broadcast_and_lose_leading_ones(device):
    x = torch.zeros(3, 4, device=device)
    x[0] = torch.ones(1, 1, 4, device=device)
    x[torch.tensor([1, 2], device=device)] = torch.full((1, 2, 4), 2.0, device=device)
    assert x.sum(1).tolist() == [4, 8, 8]
    with pytest.raises(RuntimeError, match="must match the existing size"):
        x[:2] = torch.ones(5, device=device)
    with pytest.raises(
        RuntimeError, match=r"value tensor of shape \[3\] cannot be broadcast to indexing result of shape"
    ):
        x[torch.tensor([0, 1], device=device)] = torch.ones(3, device=device)
    with pytest.raises(TypeError, match="can't assign a list"):
        x[0] = [1, 2, 3, 4]


def test_index_types():
    x = torch.arange(12).reshape(3, 4)
    assert x[np.int64(1)].tolist() == x[torch.tensor(1)].tolist() == x[1].tolist()
    assert x[range(2)].tolist() == x[[0, 1]].tolist() == x[:2].tolist()
    assert x[np.array([[0, 1], [2, 0]])].shape == (2, 2, 4)
    assert x[torch.tensor(1) : torch.tensor(3)].shape == (2, 4)
    for dtype in (torch.int8, torch.int16, torch.int32):
        assert x[torch.tensor([2], dtype=dtype)].tolist() == x[2:].tolist()
    assert x[torch.tensor(True)].shape == (1, 3, 4) and x[torch.tensor(False)].shape == (0, 3, 4)
    with pytest.warns(UserWarning, match="uint8 is now deprecated"):
        assert x[torch.tensor([1, 0, 1], dtype=torch.uint8)].tolist() == x[::2].tolist()
    assert x.index(torch.tensor([0])).tolist() == x[:1].tolist()


def test_integer_beside_an_index_tensor_selects_first():
    """PyTorch applies integers as views; NumPy counts them as index arrays and moves the dimension."""
    x = torch.from_numpy(cube())
    assert x[0, :, [1, 2]].shape == (4, 2)
    np.testing.assert_array_equal(x[0, :, [1, 2]].numpy(), cube()[0][:, [1, 2]])


@pytest.mark.kernels
def test_cpu_indices_of_a_gpu_tensor():
    x = torch.arange(4.0, device="cuda")
    assert x[torch.tensor([3, 1])].tolist() == [3, 1]
    x[torch.tensor([True, False, False, True])] = torch.tensor(9.0)
    assert x.tolist() == [9, 1, 2, 9]
    with pytest.raises(RuntimeError, match="indices should be either on cpu or on the same device"):
        torch.arange(4)[torch.tensor([0], device="cuda")]


def test_views_alias_and_are_new_objects():
    x = torch.zeros(2, 3)
    for key in (E, S(None), (), (S(None), S(None))):
        view = x[key]
        assert view is not x and view._storage is x._storage
    x[0][1] = 8
    assert x[0, 1] == 8
    y = x[:, 1:]
    y += 1
    assert x.tolist() == [[0, 9, 1], [0, 1, 1]]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    ("key", "error", "match"),
    [
        (3, IndexError, "index 3 is out of bounds for dimension 0 with size 3"),
        ((0, -5), IndexError, "index -5 is out of bounds for dimension 1 with size 4"),
        ((S(None), [0, 4]), IndexError, "index 4 is out of bounds for dimension 1 with size 4"),
        ([0, -4], IndexError, "index -4 is out of bounds for dimension 0 with size 3"),
        ((0, 0, 0), IndexError, "too many indices for tensor of dimension 2"),
        ((MASK, 0), IndexError, "too many indices for tensor of dimension 2"),
        (1.5, IndexError, r"valid indices \(got float\)"),
        ("a", TypeError, r"valid indices \(got str\)"),
        ((E, E), IndexError, "single ellipsis"),
        (S(None, None, -1), ValueError, "step must be greater than zero"),
        (S(1.5, None), TypeError, "slice indices must be integers"),
        ([True, False], IndexError, r"shape of the mask \[2\] at index 0 does not match .* tensor \[3, 4\]"),
        (([0, 1], [0, 1, 2]), IndexError, r"could not be broadcast together with shapes \[2\], \[3\]"),
        ([0.5], IndexError, "must be long, int, byte or bool"),
    ],
    ids=name,
)  # fmt: skip
def test_errors(key, error, match, device):
    x = torch.zeros(3, 4, device=device)
    with pytest.raises(error, match=match):
        x[key]
    with pytest.raises(error, match=match):
        x[key] = 1.0
    assert float(x.sum()) == 0


def test_zero_dimensional():
    x = torch.tensor(3.0)
    assert x[...] == 3 and x[None].shape == (1,) and x[()] == 3
    assert x[True].shape == (1,) and x[x > 5].shape == (0,)
    x[()] = 4
    assert x == 4
    with pytest.raises(IndexError, match="invalid index of a 0-dim tensor"):
        x[0]


@pytest.mark.parametrize("device", DEVICES)
def test_leaf_that_requires_grad_is_not_written(device):
    x = torch.zeros(3, requires_grad=True, device=device)
    for key in (0, [0], torch.tensor([True, False, False])):
        with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
            x[key] = 1
    with torch.no_grad():
        x[1] = 5
    assert x.tolist() == [0, 5, 0]


@pytest.mark.parametrize("device", DEVICES)
def test_overlapping_source_and_target(device):
    x, index = torch.arange(6.0, device=device), torch.tensor([0, 1, 2], device=device)
    for write in (lambda: x.__setitem__(index, x[3:]), lambda: x.scatter_(0, index, x)):
        with pytest.raises(RuntimeError, match="refer to a single memory location"):
            write()
    assert x.tolist() == [0, 1, 2, 3, 4, 5]
    x[index] = x[1::2]  # with gaps: read before it is written
    assert x.tolist() == [1, 3, 5, 3, 4, 5]
    y = torch.arange(8.0, device=device)
    y.index_add_(0, torch.tensor([0, 0, 7, 7], device=device), y[::2])
    assert y.tolist() == [2, 1, 2, 3, 4, 5, 6, 17]


@pytest.mark.parametrize("device", DEVICES)
def test_inplace_writes_touch_only_what_they_name(device):
    """Large tensors are written in place: what lies around a strided target stays."""
    whole = torch.zeros(6, 10, device=device)
    part = whole[1:5, ::2]
    part[[0, 3], 1:3] = 1
    part.index_fill_(1, torch.tensor([4], device=device), 2)
    part.masked_fill_(part == 2, 3)
    part.scatter_add_(0, torch.tensor([[1, 1]], device=device), torch.ones(1, 2, device=device))
    assert float(whole.sum()) == 4 + 12 + 2
    assert float(whole[:, 1::2].sum()) == 0 and float(whole[0].sum()) == 0 == float(whole[5].sum())


def test_histogram_and_counts():
    assert torch.bincount(torch.tensor([1, 3, 1])).tolist() == [0, 2, 0, 1]
    weights = torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64)
    assert torch.bincount(torch.tensor([1, 3, 1]), weights).tolist() == [0, 2.5, 0, 1]
    assert torch.histc(torch.tensor([1.0, 2.0, 1.0]), 4, 0, 3).tolist() == [0, 2, 1, 0]
    assert torch.histc(torch.tensor([0.0, 1.0, 2.0, 3.0, 4.0]), 2).tolist() == [2, 3]
    assert torch.nn.functional.one_hot(torch.arange(3), 4).tolist() == [
        [1, 0, 0, 0],
        [0, 1, 0, 0],
        [0, 0, 1, 0],
    ]


def test_scatter_accepts_numbers_and_reductions():
    index = torch.tensor([[0, 1, 1]])
    x = torch.full((2, 3), 2.0)
    assert x.scatter(0, index, 5.0).tolist() == [[5, 2, 2], [2, 5, 5]]
    assert x.scatter(0, index, value=5.0).tolist() == [[5, 2, 2], [2, 5, 5]]
    assert x.scatter(0, index, 5.0, reduce="add").tolist() == [[7, 2, 2], [2, 7, 7]]
    assert x.scatter(0, index, torch.full((1, 3), 3.0), reduce="multiply").tolist() == [[6, 2, 2], [2, 6, 6]]
    assert torch.zeros(2, 4).scatter_(1, torch.tensor([[2], [3]]), 1.23).tolist()[0][2] == pytest.approx(1.23)
    with pytest.raises(RuntimeError, match="either add or multiply"):
        x.scatter(0, index, 1.0, reduce="sub")


def test_scatter_gradients_of_a_larger_source():
    src = torch.ones(3, 4, requires_grad=True)
    out = torch.zeros(3, 4).scatter_add(1, torch.tensor([[0, 0], [3, 1]]), src)
    (out * torch.arange(12.0).reshape(3, 4)).sum().backward()
    assert src.grad.tolist() == [[0, 0, 0, 0], [7, 5, 0, 0], [0, 0, 0, 0]]


@pytest.mark.parametrize("device", DEVICES)
def test_many_repeated_indices_add_up_the_same_every_time(device):
    rng = np.random.default_rng(0)
    index = torch.from_numpy(rng.integers(0, 3, 200)).to(device)
    rows = torch.from_numpy(rng.standard_normal((200, 6)).astype(np.float32)).to(device)
    first = torch.zeros(3, 6, device=device).index_add(0, index, rows)
    second = torch.zeros(3, 6, device=device).index_add(0, index, rows)
    assert torch.equal(first, second)
    wanted = np.zeros((3, 6))
    np.add.at(wanted, index.cpu().numpy(), rows.cpu().numpy().astype(np.float64))
    np.testing.assert_allclose(first.cpu().numpy(), wanted, rtol=1e-5, atol=1e-5)


def test_positions_and_enumerations():
    rows, columns = torch.unravel_index(torch.tensor([[5, 0], [11, 7]]), (3, 4))
    assert rows.tolist() == [[1, 0], [2, 1]] and columns.tolist() == [[1, 0], [3, 3]]
    assert torch.cartesian_prod(torch.tensor([1, 2]), torch.tensor([3])).tolist() == [[1, 3], [2, 3]]
    assert torch.combinations(torch.tensor([1, 2]), 2, with_replacement=True).tolist() == [
        [1, 1],
        [1, 2],
        [2, 2],
    ]
    tall = torch.zeros(7, 3).fill_diagonal_(1, wrap=True)
    assert tall.nonzero().tolist() == [[0, 0], [1, 1], [2, 2], [4, 0], [5, 1], [6, 2]]
    assert torch.zeros(7, 3).fill_diagonal_(1).nonzero().tolist() == [[0, 0], [1, 1], [2, 2]]
    assert torch.zeros(2, 2, 2).fill_diagonal_(1).nonzero().tolist() == [[0, 0, 0], [1, 1, 1]]
    histogram = torch.histogram(torch.tensor([0.0, 1.0, 1.5, 3.0, 9.0]), torch.tensor([0.0, 1.0, 3.0]))
    assert histogram.hist.tolist() == [1, 3] and histogram.bin_edges.tolist() == [0, 1, 3]
    dense, _ = torch.histogram(torch.tensor([0.0, 1.0, 2.0, 4.0]), 2, density=True)
    assert float(dense.sum() * 2) == 1

"""Attention's forward kernels: every way that keys and values come, every option, the choice between them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from buffers import buffer

from tritonnn.kernels.attention import _decode_call, attention, blocks
from tritonnn.kernels.attention._call import Call
from tritonnn.kernels.attention._descriptors import describable, shared_head, steps
from tritonnn.kernels.attention._forward_call import Forward, Options
from tritonnn.kernels.tables.attention import Tile
from tritonnn.kernels.tables.attention_decode import MOST_PARTS, part_size
from tritonnn.kernels.tables.attention_forward import DESCRIBED, Described, described, section, ways

POINTERS, FROM_HOST, SPECIALISED = Tile(16, 32, 4, 1), Described(16, 32, 4, 1), Described(16, 16, 4, 1, True)


def normal(*shape, seed=0, dtype=np.float16):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def expected(q, k, v, scale, mask=None, softcap=0.0, seen=None):
    """Result and logsumexp in float64; `seen` (L, S) says which keys are seen beside the mask."""
    q, k, v = (x.astype(np.float64) for x in (q, k, v))
    group = q.shape[1] // k.shape[1]
    k, v = (np.repeat(x, group, 1) for x in (k, v))
    scores = q @ np.swapaxes(k, -1, -2) * scale
    if softcap:
        scores = softcap * np.tanh(scores / softcap)
    if mask is not None:
        scores = scores + (np.where(mask, 0, -np.inf) if mask.dtype == bool else mask.astype(np.float64))
    if seen is not None:
        scores = np.where(seen, scores, -np.inf)
    top = scores.max(-1, keepdims=True, initial=-np.inf)
    p = np.exp(scores - np.where(np.isinf(top), 0, top))
    total = p.sum(-1, keepdims=True)
    with np.errstate(divide="ignore"):
        lse = (np.log(total) + np.where(np.isinf(top), 0, top))[..., 0]
    return (p / np.where(total == 0, 1, total)) @ v, lse


def attend(tile, q, k, v, scale=0.3, mask=None, options=Options()):
    out = np.full((*q.shape[:3], v.shape[3]), np.nan, q.dtype)
    lse = np.full(q.shape[:3], np.nan, np.float64 if q.dtype == np.float64 else np.float32)
    given = [None if x is None else buffer(x) for x in (out, lse, q, k, v, mask)]
    call = Call(*given[2:], 0.0, 0, 0, options.ahead is not None, scale)
    Forward(tuple(given), call, scale, options).run(tile)
    return out, lse


def check(got, wanted):
    np.testing.assert_allclose(got[0].astype(np.float64), wanted[0], atol=4e-3, rtol=4e-3)
    np.testing.assert_allclose(got[1], wanted[1], atol=2e-3, rtol=1e-3)


@pytest.mark.parametrize("tile", [POINTERS, FROM_HOST])
@pytest.mark.parametrize("lengths", [(1, 1), (17, 31), (40, 64), (33, 70)])
@pytest.mark.parametrize("causal", [False, True])
def test_lengths_and_the_diagonal(tile, lengths, causal):
    length, keys = lengths
    q, k, v = normal(2, 4, length, 24), normal(2, 2, keys, 24, seed=1), normal(2, 2, keys, 16, seed=2)
    options = Options(ahead=0) if causal else Options()
    seen = np.tri(length, keys, dtype=bool) if causal else None
    check(attend(tile, q, k, v, options=options), expected(q, k, v, 0.3, seen=seen))


@pytest.mark.parametrize("tile", [POINTERS, FROM_HOST])
@pytest.mark.parametrize("scale", [-0.4, 0.0, 0.5])
def test_scales_that_turn_the_order_of_scores(tile, scale):
    q, k, v = normal(1, 2, 20, 16), normal(1, 2, 37, 16, seed=1), normal(1, 2, 37, 16, seed=2)
    seen = np.tri(20, 37, dtype=bool)
    check(attend(tile, q, k, v, scale, options=Options(ahead=0)), expected(q, k, v, scale, seen=seen))


@pytest.mark.parametrize("tile", [POINTERS, FROM_HOST])
@pytest.mark.parametrize("kind", [bool, np.float16])
@pytest.mark.parametrize("scale", [0.3, -0.3])
def test_masks(tile, kind, scale):
    q, k, v = normal(2, 2, 21, 16), normal(2, 1, 50, 16, seed=1), normal(2, 1, 50, 16, seed=2)
    mask = normal(2, 1, 21, 50, seed=3) > 0 if kind is bool else normal(2, 1, 21, 50, seed=3)
    if kind is bool:
        mask[0, 0, 3] = False
    got = attend(tile, q, k, v, scale, mask=np.broadcast_to(mask, (2, 2, 21, 50)))
    check(got, expected(q, k, v, scale, mask))


@pytest.mark.parametrize("tile", [POINTERS, FROM_HOST])
def test_windows_on_one_side_and_on_both(tile):
    q, k, v = normal(1, 1, 75, 16), normal(1, 1, 90, 16, seed=1), normal(1, 1, 90, 16, seed=2)
    place = np.arange(90) - np.arange(75)[:, None]
    for ahead, behind in itertools.product((None, -7, 0, 20, 200), (None, -9, 0, 5, 40)):
        seen = (place <= (200 if ahead is None else ahead)) & (place >= (-200 if behind is None else -behind))
        got = attend(tile, q, k, v, options=Options(ahead=ahead, behind=behind))
        check(got, expected(q, k, v, 0.3, seen=seen))


@pytest.mark.parametrize("tile", [POINTERS, FROM_HOST])
@pytest.mark.parametrize("scale", [0.7, -0.7])
def test_soft_cap(tile, scale):
    q, k, v = normal(1, 2, 20, 16), normal(1, 2, 37, 16, seed=1), normal(1, 2, 37, 16, seed=2)
    got = attend(tile, q, k, v, scale, options=Options(ahead=0, softcap=2.0))
    check(got, expected(q, k, v, scale, softcap=2.0, seen=np.tri(20, 37, dtype=bool)))
    mask = normal(1, 2, 20, 37, seed=3)
    got = attend(tile, q, k, v, scale, mask, options=Options(softcap=2.0))
    check(got, expected(q, k, v, scale, mask, softcap=2.0))


@pytest.mark.parametrize("tile", [POINTERS, FROM_HOST])
@pytest.mark.parametrize("window", [(None, None), (0, None), (0, 9), (4, 3)])
def test_packed_sequences(tile, window):
    """Of other lengths, empty ones among them, with another's NaN beside, and fewer keys used than there are."""
    rows, keys, used = [5, 0, 40, 18, 3], [7, 4, 40, 0, 33], [7, 4, 35, 0, 33]
    q, k, v = normal(1, 4, 66, 16), normal(1, 2, 84, 16, seed=1), normal(1, 2, 84, 16, seed=2)
    k[:, :, 46:51] = np.nan  # the keys that are not used
    v[:, :, 46:51] = np.nan
    starts = [np.cumsum([0, *n]).astype(np.int32) for n in (rows, keys)]
    limits = (*map(buffer, starts), buffer(np.array(used, np.int32)))
    options = Options(*window, limits=limits, sequences=5, longest=41)
    out, lse = attend(tile, q, k, v, options=options)
    ahead, behind = (10**6 if n is None else n for n in window)
    for i in range(5):
        of_q, of_k = slice(starts[0][i], starts[0][i + 1]), slice(starts[1][i], starts[1][i] + used[i])
        place = np.arange(used[i]) - np.arange(rows[i])[:, None] - (used[i] - rows[i])
        seen = (place <= ahead) & (place >= -behind)
        wanted = expected(q[:, :, of_q], k[:, :, of_k], v[:, :, of_k], 0.3, seen=seen)
        check((out[:, :, of_q], lse[:, :, of_q]), wanted)


@pytest.mark.parametrize("lengths", [(1, 16), (40, 64)])
def test_specialised_warps(lengths):
    length, keys = lengths
    q, k, v = normal(2, 4, length, 24), normal(2, 2, keys, 24, seed=1), normal(2, 2, keys, 16, seed=2)
    check(attend(SPECIALISED, q, k, v), expected(q, k, v, 0.3))


@pytest.mark.parametrize("tile", [FROM_HOST, SPECIALISED])
def test_descriptors_of_heads_within_a_projection(tile):
    """(B, L, 3, H, D), as one linear layer gives queries, keys and values."""
    projected = normal(2, 32, 3, 2, 16)
    q, k, v = (projected[:, :, i].transpose(0, 2, 1, 3) for i in range(3))
    assert all(describable(buffer(x)) for x in (q, k, v))
    check(attend(tile, q, k, v), expected(q, k, v, 0.3))


def test_bfloat16_through_descriptors():
    import tritonnn as torch

    q, k, v = (torch.from_numpy(normal(1, 2, n, 16, seed=n, dtype=np.float32)) for n in (20, 37, 38))
    v = v[:, :, :37]
    low = [x.bfloat16() for x in (q, k, v)]
    got = torch.nn.functional.scaled_dot_product_attention(*[x.cuda() for x in low], scale=0.3)
    wanted = expected(*[x.float().numpy() for x in low], 0.3)[0]
    np.testing.assert_allclose(got.float().cpu().numpy(), wanted, atol=2e-2)


def run_decode(q, k, v, mask=None, size=None, monkeypatch=None):
    out = np.full((*q.shape[:3], v.shape[3]), np.nan, q.dtype)
    lse = np.full(q.shape[:3], np.nan, np.float32)
    given = [None if x is None else buffer(x) for x in (out, lse, q, k, v, mask)]
    call = Call(*given[2:], 0.0, 0, 0, False, 0.3)
    if size:
        monkeypatch.setattr(_decode_call, "part_size", lambda *of: size)
    _decode_call.decode(tuple(given), call, 0.3)
    return out, lse


@pytest.mark.parametrize("size", [32, 64, 320])
@pytest.mark.parametrize("shape", [(1, 2, 1, 300), (5, 1, 7, 257), (8, 4, 16, 96)])
def test_parts_of_the_keys(monkeypatch, size, shape):
    """Rows that fill one tile, less, or several; a last part that is shorter, or a single one."""
    group, heads, length, keys = shape
    q, k = normal(2, group * heads, length, 24), normal(2, heads, keys, 24, seed=1)
    v = normal(2, heads, keys, 16, seed=2)
    check(run_decode(q, k, v, size=size, monkeypatch=monkeypatch), expected(q, k, v, 0.3))


@pytest.mark.parametrize("kind", [bool, np.float16])
def test_parts_of_masked_keys(monkeypatch, kind):
    """Whole parts hidden, all keys hidden, and a mask that heads share."""
    q, k, v = normal(2, 4, 3, 16), normal(2, 2, 100, 16, seed=1), normal(2, 2, 100, 16, seed=2)
    seen = normal(2, 1, 3, 100, seed=3) > 0
    seen[0, :, 0, 32:] = False
    seen[0, :, 1] = False
    mask = seen if kind is bool else np.where(seen, normal(2, 1, 3, 100, seed=4), np.float16(-np.inf))
    got = run_decode(q, k, v, np.broadcast_to(mask, (2, 4, 3, 100)), 32, monkeypatch)
    check(got, expected(q, k, v, 0.3, mask))
    assert (got[0][0, :, 1] == 0).all()


def test_parts_in_float32_of_strided_operands(monkeypatch):
    q, k, v = (
        normal(1, n, 2, 16, seed=n, dtype=np.float32).transpose(0, 2, 1, 3)[..., ::-1] for n in (2, 70, 71)
    )
    v = v[:, :, :70]
    check(run_decode(q, k, v, size=32, monkeypatch=monkeypatch), expected(q, k, v, 0.3))


def test_few_queries_and_many_keys_go_in_parts(monkeypatch):
    import tritonnn as torch

    calls = []
    monkeypatch.setattr(attention, "decode", lambda *given: calls.append(given))
    for length, keys, causal, p in ((1, 256, False, 0), (16, 300, False, 0), (1, 255, False, 0), (17, 300, False, 0),
                                    (16, 300, True, 0), (1, 256, False, 0.5)):  # fmt: skip
        before = len(calls)
        q, k = torch.ones(1, 1, length, 8).cuda(), torch.ones(1, 1, keys, 8).cuda()
        attention.attention.__wrapped__(
            *(
                q._buf,
                torch.ones(1, 1, length).cuda()._buf,
                q._buf,
                k._buf,
                k._buf,
                None,
                p,
                0,
                0,
                causal,
                1.0,
            )
        )
        assert len(calls) - before == (not causal and not p and length <= 16 and keys >= 256)


def test_parts_fill_the_multiprocessors():
    assert part_size(32, 1 << 16, 64, 132) == 8192  # 8 parts of 32 programs: two each
    assert part_size(1, 1 << 16, 64, 132) == 512  # the most parts
    assert part_size(1000, 4096, 64, 132) == 4096
    assert part_size(1, 300, 64, 132) == 320
    assert part_size(1, 600, 64, 132) == 320
    for programs, keys, count in itertools.product((1, 7, 264, 10**6), (256, 257, 100000), (1, 78, 132)):
        size = part_size(programs, keys, 64, count)
        assert size % 64 == 0
        assert -(-keys // size) <= MOST_PARTS


def seen_blocks(rng, batch, heads, length, keys, rows, columns):
    """A random mask whose blocks are hidden, seen in part or seen whole, and the lists of them."""
    shape = (batch, heads, -(-length // rows), -(-keys // columns))
    kind = rng.integers(0, 3, shape)
    kind[..., -1] = np.minimum(kind[..., -1], 1)  # the last block may reach beyond the keys
    kind[0, 0, 0] = 0
    wide = kind.repeat(rows, 2).repeat(columns, 3)[:, :, :length, :keys]
    seen = (wide == 2) | ((wide == 1) & (rng.random(wide.shape) < 0.4))
    counts = [(kind == which).sum(-1).astype(np.int32) for which in (1, 2)]
    places = [np.argsort(kind != which, axis=-1, kind="stable").astype(np.int32) for which in (1, 2)]
    return seen, zip(counts, places, strict=True)


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
@pytest.mark.parametrize("size", [(16, 64), (48, 32), (20, 32)])
def test_listed_blocks(dtype, size):
    """Of several tiles, of one, and of none that fits; hidden blocks hold NaN, so that what reads them shows."""
    rng = np.random.default_rng(0)
    q, k, v = (
        normal(2, n, m, d, seed=m + d, dtype=dtype) for n, m, d in ((4, 50, 16), (2, 90, 16), (2, 90, 8))
    )
    seen, ((some, at), (whole, whole_at)) = seen_blocks(rng, 2, 1, 50, 90, *size)
    lists = [np.broadcast_to(x, (2, 4, *x.shape[2:])) for x in (some, at, whole, whole_at)]
    out = np.full((2, 4, 50, 8), np.nan, dtype)
    lse = np.full((2, 4, 50), np.nan, np.float64 if dtype == np.float64 else np.float32)
    given = [buffer(x) for x in (out, lse, q, k, v, np.broadcast_to(seen, (2, 4, 50, 90)), *lists)]
    blocks.attention_blocks(*given, *size, 0.3)
    check((out, lse), expected(q, k, v, 0.3, seen))


def test_hidden_blocks_are_not_read():
    q, k, v = normal(1, 1, 32, 16), normal(1, 1, 64, 16, seed=1), normal(1, 1, 64, 16, seed=2)
    k[:, :, 32:], v[:, :, 32:] = np.nan, np.nan
    seen, one = np.zeros((1, 1, 32, 64), bool), np.ones((1, 1, 1), np.int32)
    seen[..., :32] = True
    out, lse = np.empty((1, 1, 32, 16), np.float16), np.empty((1, 1, 32), np.float32)
    none, first = np.zeros_like(one), np.array([[[[0, 1]]]], np.int32)
    for lists in ((one, first, none, first), (none, first, one, first), (one, first)):
        given = [*map(buffer, (out, lse, q, k, v, seen, *lists)), *(None,) * (4 - len(lists))]
        out[...] = np.nan
        blocks.attention_blocks(*given, 32, 32, 0.3)
        check((out, lse), expected(q, k[:, :, :32], v[:, :, :32], 0.3))


def test_tiles_that_blocks_consist_of():
    wide, narrow = Described(128, 64, 8, 2), Described(64, 64, 4, 2)
    assert blocks.fitting([wide, narrow], 128, 128) is wide
    assert blocks.fitting([wide, narrow], 64, 128) is narrow
    assert blocks.fitting([wide, narrow], 100, 128) is None


def test_which_layouts_descriptors_read():
    x = normal(2, 3, 8, 16)
    assert describable(buffer(x))
    assert describable(buffer(x[:, :, ::2]))
    assert describable(buffer(x.transpose(0, 2, 1, 3)))
    assert describable(buffer(x[:1, :1, :1, :8]))
    assert not describable(buffer(x[..., 1:]))  # starts off 16 bytes
    assert not describable(buffer(x[..., ::2]))
    assert not describable(buffer(np.swapaxes(x, -1, -2)))
    assert not describable(buffer(normal(2, 3, 8, 12)))  # rows of 24 bytes
    assert not describable(buffer(np.broadcast_to(x[:, :1], x.shape)))
    assert not describable(buffer(x[:, :, ::-1]))
    assert not describable(buffer(x[:0]))
    assert steps(buffer(normal(1, 1, 1, 5))) == (8, 8, 8, 1)  # never stepped over


def test_heads_expanded_from_one_are_read_as_one():
    one = normal(2, 1, 8, 16)
    key, value = (buffer(np.broadcast_to(one, (2, 4, 8, 16))) for _ in range(2))
    assert [x.shape for x in shared_head(key, value)] == [(2, 1, 8, 16)] * 2
    other = buffer(normal(2, 4, 8, 16))
    assert shared_head(key, other) == (key, other)


def test_the_way_of_a_call():
    for arch in ("sm_90", "sm_100"):
        first, *others = ways(arch, "half", "plain", 64, True, 1024)
        assert isinstance(first, Described)
        assert not first.specialize  # until it is measured
        assert any(tile.specialize for tile in others)
        assert not any(tile.specialize for tile in ways(arch, "half", "plain", 64, True, 1000))
        assert not any(tile.specialize for tile in ways(arch, "half", "plain", 64, True, None))
        (pointers,) = ways(arch, "half", "plain", 64, False, 1024)
        assert isinstance(pointers, Tile)
        assert isinstance(ways(arch, "half", "plain", 512, True, 1024)[0], Tile)
        assert isinstance(ways(arch, "single", "plain", 64, True, 1024)[0], Tile)
    for arch in ("sm_80", "gfx942", "sm_75"):
        assert isinstance(ways(arch, "half", "plain", 64, True, 1024)[0], Tile)
    for arch, table in DESCRIBED.items():
        for kind, width in itertools.product(table, (64, 128, 256)):
            assert not described(arch, kind, width)[0].specialize


def test_sections_hold_what_the_cache_holds():
    assert section(64, 1, 1 << 20) == 32
    assert section(8, 1, 1 << 20) == 8
    assert section(64, 4, 16 << 20) == 8
    assert section(64, 4, 1 << 30) == 4
    assert section(6, 2, 0) == 6


def test_every_block_of_every_head_has_its_program(monkeypatch):
    """Sections that do not divide the heads."""
    from tritonnn.kernels.attention import _forward_call

    monkeypatch.setattr(_forward_call, "section", lambda heads, group, nbytes: 3)
    q, k, v = (normal(2, 4, 40, 16, seed=i) for i in range(3))
    got = attend(FROM_HOST, q, k, v, options=Options(ahead=0))
    check(got, expected(q, k, v, 0.3, seen=np.tri(40, dtype=bool)))

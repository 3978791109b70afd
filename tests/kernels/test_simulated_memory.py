"""Memory of the simulated device is as strict as a GPU's: bounds, alignment, masked reads, order of programs."""

from __future__ import annotations

import re
from dataclasses import replace

import ml_dtypes
import numpy as np
import pytest
import triton
from buffers import buffer
from triton import language as tl
from triton.tools.tensor_descriptor import TensorDescriptor

import tritonnn as torch
from tritonnn.buffer import Buffer
from tritonnn.kernels.launch.launch import launch
from tritonnn.runtime.interface import runtime


@triton.jit
def copy_kernel(out, x, n, shift_in, shift_out, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(out + i + shift_out, tl.load(x + i + shift_in, mask=i < n, other=0.0), mask=i < n)


def copied(out, x, n, shift_in=0, shift_out=0):
    launch(copy_kernel, (2,), buffer(out), buffer(x), n, shift_in, shift_out, BLOCK=8)
    return out


def illegal(text):
    return pytest.raises(
        RuntimeError, match=re.escape("CUDA error: an illegal memory access was encountered: " + text)
    )


def test_accesses_within_the_arguments_pass():
    x = np.arange(10, dtype=np.float32)
    np.testing.assert_array_equal(copied(np.zeros(10, np.float32), x, 10), x)


def test_reads_and_writes_beyond_an_argument_name_it():
    x, out = np.zeros(10, np.float32), np.zeros(12, np.float32)
    with illegal(
        "copy_kernel, program (1, 0, 0), reads 2 elements of fp32 outside of the 40 bytes of x of shape (10,); "
        "the first is 4 bytes past its end"
    ):
        copied(out, x, 12)
    with illegal(
        "copy_kernel, program (0, 0, 0), reads 3 elements of fp32 outside of the 40 bytes of x of shape (10,); "
        "the first is 12 bytes before its first one"
    ):
        copied(out, x, 8, shift_in=-3)
    with illegal("copy_kernel, program (1, 0, 0), writes 1 elements of fp32 outside of the 40 bytes of out"):
        copied(x, out, 11)


def test_another_argument_is_out_of_bounds_too():
    both = np.zeros(32, np.float32)
    x, out = both[:16], both[16:]
    with illegal("copy_kernel, program (1, 0, 0), reads 8 elements of fp32 outside of the 64 bytes of x"):
        copied(out, x, 16, shift_in=16)  # the addresses are out's
    with illegal("copy_kernel, program (1, 0, 0), writes 8 elements of fp32 outside of the 64 bytes of out"):
        copied(out, x, 16, shift_out=-16)


def test_a_view_may_not_be_left_for_the_rest_of_its_block():
    whole = np.zeros((4, 8), np.float32)
    with illegal("copy_kernel, program (1, 0, 0), writes 1 elements of fp32 outside of the 32 bytes of out"):
        copied(whole[1], np.zeros(9, np.float32), 9)
    assert not whole.any()


@triton.jit
def update_kernel(out, i, BLOCK: tl.constexpr):
    tl.atomic_min(out + i + tl.arange(0, BLOCK), tl.arange(0, BLOCK), mask=tl.arange(0, BLOCK) < 1)


@triton.jit
def swap_kernel(out, i):
    tl.atomic_cas(out + i, 0, 1)


def test_atomics_stay_within_their_argument():
    out = buffer(np.zeros(4, np.int32))
    launch(update_kernel, (1,), out, 3, BLOCK=4)
    launch(swap_kernel, (1,), out, 3)
    with illegal(
        "update_kernel, program (0, 0, 0), updates 1 elements of int32 outside of the 16 bytes of out"
    ):
        launch(update_kernel, (1,), out, 4, BLOCK=4)
    with illegal(
        "swap_kernel, program (0, 0, 0), updates 1 elements of int32 outside of the 16 bytes of out"
    ):
        launch(swap_kernel, (1,), out, 4)


@triton.jit
def first_of_each_kernel(out, ins, flags, n, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    source = tl.where(n > 4, ins[0], ins[1])
    tl.store(
        out + i, tl.load(source + i, mask=i < n) + tl.load(flags + i, mask=i < n).to(tl.float32), mask=i < n
    )


def test_pointers_chosen_cast_or_in_tuples_keep_their_bounds():
    out, x, y = (np.zeros(n, np.float32) for n in (8, 8, 2))
    flags = np.ones(3, bool)

    def run(n):
        launch(first_of_each_kernel, (1,), buffer(out), (buffer(x), buffer(y)), buffer(flags), n, BLOCK=8)

    run(2)
    assert out[:2].tolist() == [1, 1]
    with illegal(
        "first_of_each_kernel, program (0, 0, 0), reads 1 elements of fp32 outside of the 8 bytes of ins[1]"
    ):
        run(3)
    with illegal(
        "first_of_each_kernel, program (0, 0, 0), reads 2 elements of int8 outside of the 3 bytes of flags"
    ):
        run(5)


@triton.jit
def wider_kernel(out, x, i):
    tl.store(out, tl.load(x.to(tl.pointer_type(tl.int64)) + i))


def test_an_element_that_begins_within_must_end_within():
    out, x = np.zeros(1, np.int64), np.zeros(3, np.int32)
    launch(wider_kernel, (1,), buffer(out), buffer(x), 0)
    with illegal(
        "wider_kernel, program (0, 0, 0), reads 1 elements of int64 outside of the 12 bytes of x of shape (3,); "
        "the first is 4 bytes past its end"
    ):
        launch(wider_kernel, (1,), buffer(out), buffer(x), 1)


@triton.jit
def tile_kernel(out, tiles, N: tl.constexpr):
    i = tl.arange(0, N)
    tl.store(out + i[:, None] * N + i[None, :], tiles.load([0, 0]))


def test_descriptors_stay_within_their_argument():
    x = np.arange(64, dtype=np.float32).reshape(8, 8)
    out, short = np.zeros((8, 8), np.float32), buffer(x).as_strided((7, 8), (8, 1))
    whole = TensorDescriptor(buffer(x), [8, 8], [8, 1], [8, 8])
    launch(tile_kernel, (1,), buffer(out), whole, N=8)
    np.testing.assert_array_equal(out, x)
    with illegal(
        "tile_kernel, program (0, 0, 0), reads 8 elements of fp32 outside of the 224 bytes of tiles"
    ):
        launch(tile_kernel, (1,), buffer(out), replace(whole, base=short), N=8)


def test_an_argument_off_its_elements_grid_is_refused():
    x = buffer(np.zeros(9, np.float32))
    odd = Buffer(x.ptr + 2, (8,), (1,), x.dtype, x.device, x.owner)
    with pytest.raises(
        RuntimeError, match=r"misaligned address: copy_kernel gets x at 0x\w+, which is no multiple of"
    ):
        launch(copy_kernel, (1,), buffer(np.zeros(8, np.float32)), odd, 8, 0, 0, BLOCK=8)


@triton.jit
def at_address_kernel(out, table, i):
    tl.store(out, tl.load(tl.load(table).to(tl.pointer_type(tl.float32)) + i))


def test_addresses_read_from_memory_must_be_of_live_blocks():
    x = torch.arange(4.0).cuda()
    out, ptr = np.zeros(1, np.float32), x.data_ptr()

    def run(address, i):
        launch(at_address_kernel, (1,), buffer(out), buffer(np.array([address])), i)
        return out[0]

    text = "at_address_kernel, program (0, 0, 0), reads 1 elements at addresses that it read from memory and where"
    assert run(ptr, 3) == 3
    with illegal(text):
        run(ptr, 4)  # within what the pool rounds the block up to
    with pytest.raises(
        RuntimeError, match=r"misaligned address: at_address_kernel, program .* elements of 4 bytes"
    ):
        run(ptr + 2, 0)
    del x
    with illegal(text):
        run(ptr, 0)  # freed, though the pool keeps it


@triton.jit
def masked_read_kernel(out, x, n, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    tl.store(out + i, tl.load(x + i, mask=i < n))


@pytest.mark.parametrize(
    "kind, garbage",
    [
        ("f2", np.nan), ("f4", np.nan), ("f8", np.nan), (ml_dtypes.bfloat16, np.nan), ("i1", 0x5A),
        ("u1", 0xA5), ("i2", 0x5A5A), ("i4", 0x5A5A5A5A), ("i8", 0x5A5A5A5A5A5A5A5A), (ml_dtypes.float8_e4m3fn, np.nan),
        (ml_dtypes.float8_e5m2, np.nan),
    ],
)  # fmt: skip
def test_masked_reads_without_a_value_are_conspicuous(kind, garbage):
    x, out = np.ones(4, kind), np.zeros(4, kind)
    launch(masked_read_kernel, (1,), buffer(out), buffer(x), 3, BLOCK=4)
    number = float if garbage is np.nan else int
    np.testing.assert_array_equal([number(v) for v in out], [1, 1, 1, garbage])


@triton.jit
def zero_kernel(out, x, n, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    tl.store(out + i, tl.load(x + i, mask=i < n, other=0))
    tl.store(out + BLOCK, tl.load(x, mask=n > 0, other=0))


@pytest.mark.parametrize("block", [1, 4])
def test_masked_reads_of_zero_are_zero(block):
    out = np.ones(block + 1, np.int32)
    launch(zero_kernel, (1,), buffer(out), buffer(np.ones(4, np.int32)), 0, BLOCK=block)
    assert not out.any()


@triton.jit
def ordered_kernel(out):
    i = tl.program_id(0)
    before = tl.load(out + i - 1, mask=i > 0, other=0)
    tl.store(out + i, before + 1)


def test_programs_that_count_on_earlier_ones_show():
    out = np.zeros(5, np.int32)
    launch(ordered_kernel, (5,), buffer(out))
    assert out.tolist() == [1, 1, 1, 1, 1]


def test_a_grid_beyond_the_hardware_is_refused():
    out = buffer(np.zeros(1, np.int32))
    for grid in ((1, 65536), (1, 1, 65536), (1 << 31,)):
        with pytest.raises(RuntimeError, match="invalid configuration argument: ordered_kernel on a grid of"):
            launch(ordered_kernel, grid, out)


@triton.jit
def promise_kernel(out, x, n, at, BLOCK: tl.constexpr, MULTIPLE: tl.constexpr):
    i = tl.multiple_of(at, MULTIPLE) + tl.arange(0, BLOCK)
    tl.store(
        tl.multiple_of(out, 16) + i,
        tl.load(x + tl.multiple_of(i, [MULTIPLE]), mask=i < n, other=0),
        mask=i < n,
    )


def test_promised_multiples_are_looked_at():
    out, x = np.zeros(9, np.int32), np.arange(9, dtype=np.int32)
    x, out = (a if a.ctypes.data % 16 == 0 else a[4 - a.ctypes.data % 16 // 4 :] for a in (x, out))
    launch(promise_kernel, (1,), buffer(out), buffer(x), 5, 4, BLOCK=4, MULTIPLE=4)
    assert out[4] == x[4]
    text = "misaligned address: promise_kernel promises a multiple of"
    with pytest.raises(RuntimeError, match=rf"{text} 8, which \[?4\]? is not"):
        launch(promise_kernel, (1,), buffer(out), buffer(x), 5, 4, BLOCK=4, MULTIPLE=8)
    with pytest.raises(RuntimeError, match=rf"{text} 16, which"):
        launch(promise_kernel, (1,), buffer(out[1:]), buffer(x), 4, 0, BLOCK=4, MULTIPLE=4)


def test_copies_and_fills_stay_within_their_block():
    device, x = runtime(), torch.zeros(4).cuda()
    host = np.zeros(5, np.float32)
    text = "invalid argument: {} of 20 bytes at 0x{:x} goes 4 bytes past the end of its block of 16 bytes"
    ptr = x.data_ptr()
    for what, act in (
        ("copy to the device", lambda: device.upload(ptr, host)),
        ("copy to the host", lambda: device.download(host, ptr)),
        ("fill", lambda: device.memset(ptr, 0, 20)),
        ("copy", lambda: device.copy_device(ptr, torch.zeros(5).cuda().data_ptr(), 20, 0, 0)),
        ("copy", lambda: device.copy_device(torch.zeros(5).cuda().data_ptr(), ptr, 20, 0, 0)),
    ):
        with pytest.raises(RuntimeError, match=re.escape(text.format(what, ptr))):
            act()

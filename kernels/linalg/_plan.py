"""How a matrix product is carried out: what is copied or folded first, by which kernel and configuration."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from triton import language as tl

from tritonnn.buffer import Buffer
from tritonnn.dtypes import bfloat16, float8_e4m3fn, float8_e5m2, float16, float32, float64, int64
from tritonnn.kernels.device.float8 import BITS_ALONE, NAMES, as_bits, instructions
from tritonnn.kernels.device.moving import copy, fill
from tritonnn.kernels.launch.autotune import pick
from tritonnn.kernels.launch.descriptors import Tiles
from tritonnn.kernels.launch.launch import Plan, Slot, architecture, empty, multiprocessors, needs_int64
from tritonnn.kernels.linalg import _kernels as _gemm
from tritonnn.kernels.tables.gemm import Choice, Gemm, candidates, choose
from tritonnn.kernels.tables.pointwise import broadcast_strides
from tritonnn.kernels.tables.reduction import merge
from tritonnn.shape import contiguous_strides, numel

KINDS = {float16: "half", bfloat16: "half", float8_e4m3fn: "fp8", float8_e5m2: "fp8", float64: "fp64"}
WORTH_COPYING = 1 << 16  # elements from which an operand without a contiguous dimension is copied first
SUMMED_EXACTLY = 128  # products of float8 between two sums in float32, where hardware's own sums are narrower

Call = Callable[..., None]


class Product(NamedTuple):
    """out = epilogue(alpha scale_a (a @ b) scale_b + beta addend) / scale_result.

    Attributes:
        out: (*batch, m, n).
        a: (*batch, m, k), with the very batch dimensions of `out`, of any strides.
        b: (*batch, k, n), likewise.
        addend: of out's shape, with strides of 0 where it is broadcast; or None.
        scales: none; or float32 vectors for a's rows and b's columns, or of one element; and perhaps the
        result's.
        affine: whether there are alpha and beta: numbers, given at every call.
        epilogue: a scalar `@triton.jit` function applied to the result in float32.
        precise: 'ieee', 'tf32x3' or 'tf32', for float32.
        fast: sum float8 as the hardware does, with fewer bits than float32.
    """

    out: Buffer
    a: Buffer
    b: Buffer
    addend: Buffer | None = None
    scales: tuple[Buffer, ...] = ()
    affine: bool = False
    epilogue: Any = None
    precise: str = "ieee"
    fast: bool = True

    @property
    def sizes(self) -> tuple[int, int, int]:
        """m, n and k."""
        return self.out.shape[-2], self.out.shape[-1], self.a.shape[-1]

    @property
    def extras(self) -> tuple[Buffer, ...]:
        """The buffers that a call gives after out, a and b."""
        return self.scales if self.addend is None else (self.addend, *self.scales)

    def slots(self, extras: int, numbers: int) -> tuple[Any, ...]:
        """Slots of the extras, and of alpha and beta; the first extra is the argument number `extras`."""
        count = len(self.extras)
        pair = [Slot(numbers), Slot(numbers + 1)] if self.affine else [1.0, 1.0]
        return (tuple([Slot(extras + k) for k in range(count)]), *pair)

    def epilogue_constants(self) -> dict[str, Any]:
        """The constants of `_gemm.epilogue`."""
        flat = self.addend is not None and not any(self.addend.strides[:-1])
        return {
            "ADD": 0 if self.addend is None else 1 if flat else 2, "AFFINE": self.affine,
            "SCALED": max(0, len(self.scales) - 1), "EPILOGUE": self.epilogue,
        }  # fmt: skip

    def epilogue_strides(self) -> tuple[int, ...]:
        """Strides of the addend's rows and columns, and of the scales."""
        rows = (0, 0) if self.addend is None else self.addend.strides[-2:]
        return (*rows, *([0 if s.numel == 1 else s.strides[0] for s in self.scales[:2]] or [0, 0]))


def plan_product(p: Product, aligned: bool = False, configuration: Choice | None = None) -> Call:
    """What computes a product; called with out, a, b, the extras, and alpha and beta where it is affine.

    Args:
        p: with buffers of which only the geometry counts.
        aligned: whether all memory the plan will be called with starts at a multiple of 16 bytes.
        configuration: instead of the chosen one.
    """
    if 0 in p.out.shape:
        return lambda *arguments: None
    if p.a.shape[-1] == 0 and p.addend is None and p.epilogue is None:
        return lambda out, *rest: fill(out, 0)
    # one long matrix has full tiles where many short ones would pad each of theirs
    p = _folded(p)
    if not p.out.dtype.is_floating_point:
        return _integers(p)
    for position, operand in ((1, p.a), (2, p.b)):
        # without a contiguous dimension every element is an access of its own; a copy is read once, the
        # operand by every tile of its row
        if 1 not in operand.strides[-2:] and operand.numel >= WORTH_COPYING:
            return _after_copy(position, p)
    if BITS_ALONE & {p.a.dtype, p.b.dtype, p.out.dtype}:
        return _in_float32(p, configuration)
    if NAMES.keys() & {p.a.dtype, p.b.dtype, p.out.dtype} and not instructions(architecture()):
        return _without_float8(p, configuration)
    kind, precise = _kind(p)
    p = p._replace(precise=precise)

    def build(choice: Choice) -> Call:
        return _persistent(p, choice.config) if choice.config.persistent else _tiled(p, choice)

    if configuration is None:
        configuration = _configuration(p, kind, aligned and _describable(p.a, p.b, p.out), build)
    return build(configuration)


def _configuration(p: Product, kind: str, descriptors: bool, build: Callable[[Choice], Call]) -> Choice:
    """The measured configuration where there is one, else the chooser's."""
    arch, sizes, batch = architecture(), p.sizes, numel(p.out.shape[:-2])
    # A descriptor stores whole tiles from shared memory: in float32 the large ones do not fit beside the
    # operands.
    descriptors = (
        descriptors
        and kind.startswith(("half", "fp8"))
        and batch == 1
        and p.out.dtype.itemsize <= 2
        and sizes[2] > 0
    )
    lean = p.epilogue is not None or p.epilogue_constants()["ADD"] == 2
    default = choose(arch, kind, *sizes, batch, descriptors, lean)
    arguments = [p.out, p.a, p.b, *p.extras, *([1.0, 1.0] if p.affine else [])]

    def ready(choice: Choice) -> Callable[[], None]:
        plan = build(choice)
        return lambda: plan(*arguments)

    problem = (kind, *sizes, batch, p.a.strides[-1] == 1, p.b.strides[-1] == 1, descriptors, lean)
    choices = candidates(arch, kind, *sizes, batch, descriptors, lean)
    return pick(_gemm.gemm_kernel, problem, default, choices, ready)


def _after_copy(position: int, p: Product) -> Call:
    """A large operand neither of whose dimensions is contiguous is copied first."""
    source = p.a if position == 1 else p.b
    shape = source.shape
    dense = source.as_strided(shape, contiguous_strides(shape))
    then = plan_product(p._replace(a=dense) if position == 1 else p._replace(b=dense))

    def run(*arguments: Any) -> None:
        replaced = list(arguments)
        copied = empty(shape, source.dtype, like=source)
        copy(copied, arguments[position].as_strided(shape, source.strides))
        replaced[position] = copied
        then(*replaced)

    return run


def _in_float32(p: Product, configuration: Choice | None) -> Call:
    """Of float8 that no product knows: what is multiplied, and the result, as float32, which holds all of it."""

    def wide(b: Buffer) -> Buffer:
        return Buffer(0, b.shape, contiguous_strides(b.shape), float32, b.device, None)

    addend = p.addend if p.addend is None or p.addend.dtype not in BITS_ALONE else wide(p.addend)
    then = plan_product(
        p._replace(out=wide(p.out), a=wide(p.a), b=wide(p.b), addend=addend, precise="ieee"),
        configuration=configuration,
    )

    sources = [p.a, p.b, *([] if addend is p.addend else [p.addend])]

    def run(out: Buffer, *arguments: Any) -> None:
        values = list(arguments)
        for k, source in enumerate(sources):
            assert source is not None
            values[k] = empty(source.shape, float32, like=out)
            copy(values[k], arguments[k].as_strided(source.shape, source.strides))
        result = empty(p.out.shape, float32, like=out)
        then(result, *values)
        copy(out.as_strided(p.out.shape, p.out.strides), result)

    return run


def _without_float8(p: Product, configuration: Choice | None) -> Call:
    """Operands go to the kernel as bits, and a float8 result is rounded from float32 by a copy."""
    if p.out.dtype in NAMES:
        shape = p.out.shape
        wide = Buffer(0, shape, contiguous_strides(shape), float32, p.out.device, None)
        first = plan_product(p._replace(out=wide), configuration=configuration)

        def rounded(out: Buffer, *rest: Any) -> None:
            accumulated = empty(shape, float32, like=out)
            first(accumulated, *rest)
            copy(out.as_strided(shape, p.out.strides), accumulated)

        return rounded
    choice = configuration or choose(architecture(), "fp8", *p.sizes, numel(p.out.shape[:-2]))
    plan = _tiled(p, choice, NAMES[p.a.dtype], NAMES[p.b.dtype])
    return lambda out, a, b, *rest: plan(out, as_bits(a), as_bits(b), *rest)


def with_batch(matrix: Buffer, batch: tuple[int, ...]) -> Buffer:
    """The matrices broadcast to the batch dimensions."""
    shape = (*batch, *matrix.shape[-2:])
    return matrix.as_strided(shape, broadcast_strides(matrix, shape))


def _folded(p: Product) -> Product:
    """With one b for all, batch dimensions as further rows, where the others' strides allow."""
    while p.out.ndim > 2 and p.b.strides[-3] == 0:
        if not all(_row_like(x) for x in (p.out, p.a, p.addend) if x is not None):
            break
        b = p.b.as_strided((*p.b.shape[:-3], *p.b.shape[-2:]), (*p.b.strides[:-3], *p.b.strides[-2:]))
        addend = None if p.addend is None else _absorb(p.addend)
        p = p._replace(out=_absorb(p.out), a=_absorb(p.a), b=b, addend=addend)
    return p


def _row_like(x: Buffer) -> bool:
    """Whether the last batch dimension continues the rows."""
    return x.shape[-3] == 1 or x.shape[-2] == 1 or x.strides[-3] == x.strides[-2] * x.shape[-2]


def _absorb(x: Buffer) -> Buffer:
    row_stride = x.strides[-3] if x.shape[-2] == 1 else x.strides[-2]
    return x.as_strided(
        (*x.shape[:-3], x.shape[-3] * x.shape[-2], x.shape[-1]), (*x.strides[:-3], row_stride, x.strides[-1])
    )


def _kind(p: Product) -> tuple[str, str]:
    """The table a type's configurations are in, and Triton's name of the precision."""
    if p.a.dtype is not float32:
        kind = KINDS[p.a.dtype]
        return ("fp8 exact" if kind == "fp8" and not p.fast else kind), "ieee"
    precise = p.precise
    if precise == "tf32x3" and architecture().startswith("gfx"):
        precise = "ieee"
    return ("ieee" if precise == "ieee" else "tf32"), precise


def _describable(*matrices: Buffer) -> bool:
    """Whether all can be read through tensor descriptors: contiguous rows or columns, 16-byte-aligned."""
    for x in matrices:
        size = x.dtype.itemsize
        rows, columns = x.strides[-2:]
        stride = rows if columns == 1 else columns if rows == 1 and x is not matrices[-1] else 0
        if stride <= 0 or stride * size % 16 or x.ptr % 16:
            return False
    return True


def _imprecise(p: Product, config: Gemm) -> int | None:
    narrow = p.a.dtype in NAMES and architecture() == "sm_90"
    return min(config.k, SUMMED_EXACTLY) if narrow and not p.fast else None


def _tiled(p: Product, choice: Choice, a_bits: str = "", b_bits: str = "") -> Call:
    (config, split), (m, n, k) = choice, p.sizes
    out, a, b = p.out, p.a, p.b
    shape, a_batch, b_batch, c_batch, add_batch = _batches(p)
    batch = numel(shape)
    # a part is whole steps of BLOCK_K, so only the last one needs a mask over k
    split_k_size = -(-k // (split * config.k)) * config.k
    split = max(1, -(-k // split_k_size)) if split_k_size else 1
    acc = float64 if out.dtype is float64 else float32
    c_strides, partial_batch = out.strides[-2:], c_batch
    if split > 1:
        c_strides, partial_batch = (n, 1), tuple([s * m * n for s in contiguous_strides(shape)])
    # a part writes its plain sum; bias, scales and epilogue are of the whole
    in_kernel = p if split == 1 else Product(out, a, b)
    extras, alpha, beta = in_kernel.slots(3, 3 + len(in_kernel.extras))
    # masked-off elements of the last tiles have offsets too, and must not wrap around
    int64_offsets = needs_int64(out, a, b, p.addend) or batch * (m + config.m) * (n + config.n) >= 2**31
    first = Plan(
        _gemm.gemm_kernel, (-(-m // config.m) * -(-n // config.n) * batch, split), Slot(1), Slot(2), Slot(0),
        extras, shape, a_batch, b_batch, partial_batch, add_batch, m, n, k, split_k_size, *a.strides[-2:],
        *b.strides[-2:], *c_strides, *in_kernel.epilogue_strides(), batch * m * n, alpha, beta,
        BLOCK_M=config.m, BLOCK_N=config.n, BLOCK_K=config.k, GROUP=config.group, ACC=_TRITON[acc],
        PRECISION=p.precise, **in_kernel.epilogue_constants(), A_BITS=a_bits, B_BITS=b_bits,
        IMPRECISE=_imprecise(p, config),
        EVEN_K=k % (split_k_size or 1) == 0, INT64=int64_offsets, num_warps=config.warps,
        num_stages=config.stages,
    )  # fmt: skip
    if split == 1:
        return first
    extras, alpha, beta = p.slots(2, 2 + len(p.extras))
    block_n = min(128, max(16, 1 << (n - 1).bit_length()))
    block_m = 1024 // block_n
    second = Plan(
        _gemm.sum_parts_kernel, (-(-m // block_m) * -(-n // block_n) * batch,), Slot(0), Slot(1), extras,
        shape, c_batch, add_batch, m, n, split, *out.strides[-2:], *p.epilogue_strides(), batch * m * n,
        alpha, beta,
        ACC=_TRITON[acc], **p.epilogue_constants(), BLOCK_M=block_m, BLOCK_N=block_n, INT64=int64_offsets,
    )  # fmt: skip

    def run(out: Buffer, a: Buffer, b: Buffer, *rest: Any) -> None:
        # parts in the accumulator's type: only the whole is rounded
        partials = empty((split, batch, m, n), acc, like=out)
        first(partials, a, b)
        second(out, partials, *rest)

    return run


_TRITON = {float32: tl.float32, float64: tl.float64}


def _batches(p: Product) -> tuple[tuple[int, ...], ...]:
    """Extents of the batch dimensions, merged, and their strides in a, b, out and the addend."""
    sides = [x.strides[:-2] for x in (p.a, p.b, p.out)]
    sides.append((0,) * (p.out.ndim - 2) if p.addend is None else p.addend.strides[:-2])
    return merge(list(zip(p.out.shape[:-2], *sides, strict=True)), 5, sort=False)


def described(config: Gemm, arch: str) -> bool:
    """Whether descriptors are made on the host.

    Hopper's specialised warps share out tiles, and for that Triton has to find the descriptors made in the
    kernel.
    """
    return not config.specialize or arch == "sm_100"


def _persistent(p: Product, config: Gemm) -> Call:
    (m, n, k), a, b, out = p.sizes, p.a, p.b, p.out
    num_tiles = -(-m // config.m) * -(-n // config.n)
    extras, alpha, beta = p.slots(3, 3 + len(p.extras))
    on_host = described(config, architecture())
    sides: tuple[Slot | Tiles, ...] = (Slot(1), Slot(2), Slot(0))
    # of every matrix one stride is 1 and the other a multiple of 16 bytes (`_describable`)
    strides: tuple[int | None, ...] = (max(a.strides[-2:]), max(b.strides[-2:]), out.strides[-2])
    if on_host:
        sides = (
            _tiles(1, a, config.m, config.k),
            _tiles(2, b, config.k, config.n),
            _tiles(0, out, config.m, config.n),
        )
        strides = (None, None, None)
    return Plan(
        _gemm.persistent_gemm_kernel, (min(num_tiles, multiprocessors(out)),), *sides, extras, m, n, k,
        *strides, *p.epilogue_strides(), alpha, beta,
        BLOCK_M=config.m, BLOCK_N=config.n, BLOCK_K=config.k, GROUP=config.group, ACC=tl.float32,
        PRECISION=p.precise, **p.epilogue_constants(), IMPRECISE=_imprecise(p, config),
        A_ACROSS=a.strides[-1] != 1,
        B_ACROSS=b.strides[-1] == 1, SPECIALIZE=config.specialize, DESCRIBED=on_host, num_warps=config.warps,
        num_stages=config.stages,
    )  # fmt: skip


def _tiles(index: int, x: Buffer, rows: int, columns: int) -> Tiles:
    """A descriptor of a matrix as it lies in memory, which may be column by column."""
    shape, block, stride = x.shape[-2:], (rows, columns), max(x.strides[-2:])
    if x.strides[-1] != 1:
        shape, block = shape[::-1], block[::-1]
    return Tiles(index, x.dtype, shape, (stride, 1), block)


def _integers(p: Product) -> Call:
    m, n, k = p.sizes
    shape, a_batch, b_batch, c_batch, add_batch = _batches(p)
    extras, alpha, beta = p.slots(3, 3 + len(p.extras))
    if not p.affine:
        alpha = beta = 1
    constants = p.epilogue_constants()
    return Plan(
        _gemm.gemm_loop_kernel, (-(-m // 32) * -(-n // 32) * numel(shape),), Slot(1), Slot(2), Slot(0),
        extras, shape, a_batch, b_batch, c_batch, add_batch, m, n, k, *p.a.strides[-2:], *p.b.strides[-2:],
        *p.out.strides[-2:], *p.epilogue_strides()[:2], alpha, beta, BLOCK_M=32, BLOCK_N=32,
        ACC=tl.int64 if p.out.dtype is int64 else tl.int32, ADD=constants["ADD"], AFFINE=p.affine,
    )  # fmt: skip

"""Which keys attention lets queries see: functions of positions, and the blocks in which they say so (`BlockMask`)."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, NoReturn

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.device import DeviceLike
from tritonnn.ops.creation.creation import zeros
from tritonnn.ops.creation.ranges import arange
from tritonnn.ops.elementwise.elementwise import choose

MaskMod = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
DEFAULT_BLOCK = 128
#: tensors of a mask, in the order of `BlockMask.as_tuple`
TENSORS = (
    "kv_num_blocks", "kv_indices", "full_kv_num_blocks", "full_kv_indices", "q_num_blocks", "q_indices",
    "full_q_num_blocks", "full_q_indices",
)  # fmt: skip
#: orders of writing that PyTorch's own deterministic kernel asks for; always None here
ORDERS = ("dq_write_order", "dq_write_order_full", "dq_kv_order", "dq_kv_order_spt")


def noop_mask(batch: Tensor, head: Tensor, token_q: Tensor, token_kv: Tensor) -> Tensor:
    """A mask function by which every query sees every key.

    >>> import tritonnn as torch
    >>> from tritonnn.nn.attention.flex_attention import noop_mask
    >>> zero = torch.tensor(0)
    >>> noop_mask(zero, zero, zero, zero)
    tensor(True)
    """
    return batch.new_ones((), dtype=dtypes.bool_)


def _joined(functions: tuple[Any, ...], start: bool, join: Callable[[Tensor, Tensor], Tensor]) -> MaskMod:
    if not all(callable(function) for function in functions):
        raise RuntimeError(f"All inputs should be callable mask_mods: {functions}")

    def mask(b: Tensor, h: Tensor, q_idx: Tensor, kv_idx: Tensor) -> Tensor:
        result = b.new_ones((), dtype=dtypes.bool_) if start else b.new_zeros((), dtype=dtypes.bool_)
        for function in functions:
            result = join(result, function(b, h, q_idx, kv_idx))
        return result

    return mask


def and_masks(*mask_mods: MaskMod) -> MaskMod:
    """The mask of what all of the masks let see.

    Raises:
        RuntimeError: one is no function.
    """
    return _joined(mask_mods, True, lambda a, b: a & b)


def or_masks(*mask_mods: MaskMod) -> MaskMod:
    """The mask of what one of the masks lets see.

    Raises:
        RuntimeError: one is no function.
    """
    return _joined(mask_mods, False, lambda a, b: a | b)


def _sliced_mask_mod_error(*positions: Tensor) -> NoReturn:
    raise RuntimeError(
        "Cannot use mask_mod from a sliced BlockMask: positions of the part are not those of the whole. "
        "Set sliced.mask_mod to a function of the part's positions, made from the whole mask's mask_mod"
    )


def pair(block_size: int | tuple[int, int]) -> tuple[int, int]:
    """Extents of a block of queries and keys."""
    return (block_size, block_size) if isinstance(block_size, int) else tuple(block_size)  # type: ignore[return-value]


def ordered(dense: Tensor) -> tuple[Tensor, Tensor]:
    """Of rows of blocks, 0 or 1 each: how many there are, and their numbers, first those that there are."""
    indices: Any = dense.to(dtypes.int32).argsort(dim=-1, descending=True, stable=True)
    return dense.sum(-1).to(dtypes.int32), indices.to(dtypes.int32)


def dense_of(num_blocks: Tensor, indices: Tensor) -> Tensor:
    """The inverse of `ordered`."""
    columns = indices.shape[-1]
    known = arange(columns, device=indices.device) < num_blocks.unsqueeze(-1)
    places = choose(known, indices.to(dtypes.int64), columns)  # others fall beyond the last column
    dense = zeros((*indices.shape[:-1], columns + 1), dtype=dtypes.int32, device=indices.device)
    return dense.scatter(-1, places, 1)[..., :columns]


def _transposed(num_blocks: Tensor | None, indices: Tensor | None) -> tuple[Tensor | None, Tensor | None]:
    if num_blocks is None or indices is None:
        return None, None
    return ordered(dense_of(num_blocks, indices).transpose(-2, -1))


class BlockMask:
    """Blocks of queries and keys that attention computes, in two lists of numbers per row of blocks.

    `kv_indices[..., i, :kv_num_blocks[..., i]]` are the blocks of keys in which queries of block i see some keys:
    there `mask_mod` decides. The `full_` ones are blocks in which all is seen; `q_num_blocks` and those like it are
    the same lists by blocks of keys. `create_block_mask` makes one of a function, `from_kv_blocks` one of lists.
    """

    seq_lengths: tuple[int, int]
    kv_num_blocks: Tensor
    kv_indices: Tensor
    full_kv_num_blocks: Tensor | None
    full_kv_indices: Tensor | None
    q_num_blocks: Tensor | None
    q_indices: Tensor | None
    full_q_num_blocks: Tensor | None
    full_q_indices: Tensor | None
    BLOCK_SIZE: tuple[int, int]
    mask_mod: MaskMod

    def __init__(
        self, seq_lengths: tuple[int, int], kv_num_blocks: Tensor, kv_indices: Tensor,
        full_kv_num_blocks: Tensor | None, full_kv_indices: Tensor | None, q_num_blocks: Tensor | None,
        q_indices: Tensor | None, full_q_num_blocks: Tensor | None, full_q_indices: Tensor | None,
        BLOCK_SIZE: tuple[int, int] = (DEFAULT_BLOCK, DEFAULT_BLOCK), mask_mod: MaskMod = noop_mask, *,
        dq_write_order: Tensor | None = None, dq_write_order_full: Tensor | None = None,
        dq_kv_order: Tensor | None = None, dq_kv_order_spt: bool | None = None,
    ) -> None:  # fmt: skip
        if len(kv_indices.shape) < 2:
            raise RuntimeError("BlockMask must have at least 2 dimensions")
        for one, other in (("full_kv_num_blocks", "full_kv_indices"), ("q_num_blocks", "q_indices"),
                           ("full_q_num_blocks", "full_q_indices")):  # fmt: skip
            given = locals()
            if (given[one] is None) != (given[other] is None):
                raise AssertionError(f"{one} and {other} must be both provided or omitted")
        refuse_orders(dq_write_order, dq_write_order_full, dq_kv_order, dq_kv_order_spt)
        self.seq_lengths, self.BLOCK_SIZE, self.mask_mod = seq_lengths, BLOCK_SIZE, mask_mod
        self.kv_num_blocks, self.kv_indices = kv_num_blocks, kv_indices
        self.full_kv_num_blocks, self.full_kv_indices = full_kv_num_blocks, full_kv_indices
        self.q_num_blocks, self.q_indices = q_num_blocks, q_indices
        self.full_q_num_blocks, self.full_q_indices = full_q_num_blocks, full_q_indices
        self.dq_write_order = self.dq_write_order_full = self.dq_kv_order = self.dq_kv_order_spt = None

    @classmethod
    def from_kv_blocks(
        cls, kv_num_blocks: Tensor, kv_indices: Tensor, full_kv_num_blocks: Tensor | None = None,
        full_kv_indices: Tensor | None = None, BLOCK_SIZE: int | tuple[int, int] = DEFAULT_BLOCK,
        mask_mod: MaskMod | None = None, seq_lengths: tuple[int, int] | None = None,
        compute_q_blocks: bool = True, *, dq_write_order: Tensor | None = None,
        dq_write_order_full: Tensor | None = None, dq_kv_order: Tensor | bool | None = None,
    ) -> BlockMask:  # fmt: skip
        """A mask of the numbers of the blocks of keys; those of queries follow.

        Args:
            kv_num_blocks: (*, rows) int32. kv_indices: (*, rows, columns) int32.
            full_kv_num_blocks, full_kv_indices: the same of blocks in which all is seen; both or neither.
            BLOCK_SIZE: queries and keys of a block.
            mask_mod: which keys are seen in the other blocks; by default all.
            seq_lengths: numbers of queries and keys; by default those of all blocks.
            compute_q_blocks: whether the lists by blocks of keys are made.
            dq_write_order, dq_write_order_full, dq_kv_order: must be None.

        Raises:
            RuntimeError: indices of less than two dimensions. AssertionError: one of two lists.
        """
        if len(kv_indices.shape) < 2:
            raise RuntimeError("BlockMask must have at least 2 dimensions")
        if (full_kv_num_blocks is None) != (full_kv_indices is None):
            raise AssertionError("full_kv_num_blocks and full_kv_indices must be both provided or omitted")
        refuse_orders(dq_write_order, dq_write_order_full, dq_kv_order)
        sizes = pair(BLOCK_SIZE)
        by_keys: tuple[Any, Any, Any, Any] = (None, None, None, None)
        if compute_q_blocks:
            by_keys = (
                *_transposed(kv_num_blocks, kv_indices),
                *_transposed(full_kv_num_blocks, full_kv_indices),
            )
        if seq_lengths is None:
            seq_lengths = (kv_indices.shape[-2] * sizes[0], kv_indices.shape[-1] * sizes[1])
        return cls(
            seq_lengths, kv_num_blocks, kv_indices, full_kv_num_blocks, full_kv_indices, *by_keys,
            BLOCK_SIZE=sizes, mask_mod=mask_mod or noop_mask,
        )  # fmt: skip

    @property
    def shape(self) -> tuple[int, ...]:
        """Batch, heads, queries and keys."""
        return (*self.kv_indices.shape[:-2], *self.seq_lengths)

    def numel(self) -> int:
        """Pairs of queries and keys, seen or not."""
        count = 1
        for extent in self.shape:
            count *= extent
        return count

    def sparsity(self) -> float:
        """Per cent of the pairs that lie in no block; negative where blocks reach far beyond the sequences."""
        blocks = int(self.kv_num_blocks.sum())
        if self.full_kv_num_blocks is not None:
            blocks += int(self.full_kv_num_blocks.sum())
        return 100 * (1 - blocks * self.BLOCK_SIZE[0] * self.BLOCK_SIZE[1] / self.numel())

    def to_dense(self) -> Tensor:
        """1 where there is a block, else 0: (*, rows, columns) int32."""
        dense = dense_of(self.kv_num_blocks, self.kv_indices)
        full = self.full_dense()
        return dense if full is None else dense + full

    def full_dense(self) -> Tensor | None:
        """As `to_dense`, of the blocks in which all is seen."""
        if self.full_kv_num_blocks is None or self.full_kv_indices is None:
            return None
        return dense_of(self.full_kv_num_blocks, self.full_kv_indices)

    def as_tuple(self, flatten: bool = True) -> tuple[Any, ...]:
        """All that the mask consists of; with `flatten` in numbers, tensors and the function alone."""
        lengths, sizes = (
            (self.seq_lengths, self.BLOCK_SIZE) if flatten else ((self.seq_lengths,), (self.BLOCK_SIZE,))
        )
        parts = [getattr(self, name) for name in TENSORS + ORDERS]
        return (*lengths, *parts, *sizes, self.mask_mod)

    def _part(self, take: Callable[[Tensor], Any], mask_mod: MaskMod, lengths: tuple[int, int]) -> BlockMask:
        """The mask of parts of the lists; `take` is given the dense one."""
        some = ordered(take(dense_of(self.kv_num_blocks, self.kv_indices)))
        whole = self.full_dense()
        full: tuple[Any, Any] = (None, None) if whole is None else ordered(take(whole))
        return BlockMask.from_kv_blocks(
            some[0], some[1], full[0], full[1], BLOCK_SIZE=self.BLOCK_SIZE, mask_mod=mask_mod, seq_lengths=lengths,
            compute_q_blocks=self.q_indices is not None,
        )  # fmt: skip

    def __getitem__(self, index: Any) -> BlockMask:
        """The mask of some batches, heads and blocks of queries; no dimension goes. It has no `mask_mod`.

        Args:
            index: whole numbers, slices or tensors, for up to as many dimensions as `kv_num_blocks` has.
        """
        index = index if isinstance(index, tuple) else (index,)
        places = []
        for extent, at in zip(self.kv_num_blocks.shape, index, strict=False):
            if isinstance(at, int):
                number = range(extent)[at]
                at = slice(number, number + 1)
            places.append(at)
        if len(index) > len(places):
            raise IndexError(
                f"too many indices for a BlockMask of {len(self.kv_num_blocks.shape)} dimensions of blocks"
            )
        return self._part(lambda dense: dense[tuple(places)], _sliced_mask_mod_error, self.seq_lengths)

    def _adjust(self, new_q_len: int, new_kv_len: int) -> BlockMask:
        """The upper left part of the mask, of so many queries and keys."""
        rows, columns = (
            -(-n // size) for n, size in zip((new_q_len, new_kv_len), self.BLOCK_SIZE, strict=True)
        )
        return self._part(lambda dense: dense[..., :rows, :columns], self.mask_mod, (new_q_len, new_kv_len))

    def to(self, device: DeviceLike) -> BlockMask:
        """The mask with its tensors on a device; tensors that `mask_mod` uses stay where they are."""
        moved: dict[str, Any] = {
            name: None if (part := getattr(self, name)) is None else part.to(device) for name in TENSORS
        }
        return BlockMask(self.seq_lengths, **moved, BLOCK_SIZE=self.BLOCK_SIZE, mask_mod=self.mask_mod)

    def to_string(self, grid_size: int | tuple[int, int] = (20, 20), limit: int = 4) -> str:
        """A picture of the blocks of each batch and head, up to `limit` of them.

        Args:
            grid_size: rows and columns at most: one stands for several where there are more. -1 shows all.
        """
        dense = self.to_dense()
        pictures = []
        for n, place in enumerate(itertools.product(*[range(extent) for extent in dense.shape[:-2]])):
            if n == limit:
                pictures.append(
                    "...\nTo print out more, set BlockMask.to_string(limit=N)\n"
                    "You can also index (BlockMask[batch, head]) to choose a specific batch or head"
                )
                break
            pictures.append(f"{place}\n{_picture(dense[place].tolist(), grid_size)}\n")
        return "\n".join(pictures)

    def __str__(self) -> str:
        return (
            f"BlockMask(shape={self.shape}, sparsity={self.sparsity():.2f}%, \n{self.to_string().strip()}\n)"
        )

    def __repr__(self) -> str:
        parts = [(name, getattr(self, name)) for name in TENSORS]
        lines = [f"{name}={None if part is None else part.shape}" for name, part in parts]
        name = getattr(self.mask_mod, "__name__", repr(self.mask_mod))
        lines += [f"BLOCK_SIZE={self.BLOCK_SIZE}", f"shape={self.shape}", f"sparsity={self.sparsity():.2f}%",
                  f"mask_mod={name}"]  # fmt: skip
        return "BlockMask(\n    " + ",\n    ".join(lines) + "\n)"


def refuse_orders(*given: Any) -> None:
    """Refuse what only PyTorch's own kernel asks for."""
    if any(order is not None for order in given):
        raise NotImplementedError(
            "BlockMask: orders of writing (dq_write_order, dq_kv_order) are for a kernel that tritonnn has not; its "
            "gradients are deterministic without"
        )


def _picture(blocks: list[list[int]], grid_size: int | tuple[int, int]) -> str:
    rows, columns = len(blocks), len(blocks[0]) if blocks else 0
    if grid_size == -1:
        grid_size = (rows, columns)
    high, wide = (max(1, -(-n // most)) for n, most in zip((rows, columns), pair(grid_size), strict=True))
    lines = []
    for top in range(0, rows, high):
        line = ""
        for left in range(0, columns, wide):
            cells = [cell for row in blocks[top : top + high] for cell in row[left : left + wide]]
            line += "  " if not any(cells) else "██" if all(cells) else "░░"
        lines.append(line)
    return "\n".join(lines)

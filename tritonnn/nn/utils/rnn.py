"""Sequences of different lengths: padding and packing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from tritonnn._tensor import Tensor
from tritonnn.dtypes import int64
from tritonnn.ops.creation.creation import empty_like
from tritonnn.ops.creation.from_data import tensor
from tritonnn.ops.creation.ranges import arange

__all__ = [
    "PackedSequence", "invert_permutation", "pack_padded_sequence", "pack_sequence", "pad_packed_sequence",
    "pad_sequence", "unpack_sequence", "unpad_sequence",
]  # fmt: skip


class _Packed(NamedTuple):
    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None
    unsorted_indices: Tensor | None


class PackedSequence(_Packed):
    """Padded sequences without their padding: step by step, the elements of all sequences that are long
    enough.

    Made by `pack_padded_sequence` and `pack_sequence`, taken by all recurrent layers.

    Attributes:
        data: (total number of elements, *).
        batch_sizes: int64 CPU tensor with the number of sequences at each step.
        sorted_indices: order in which the sequences stand (longest first); None: as they came.
        unsorted_indices: the inverse of it.

    >>> import tritonnn as torch
    >>> sequences = [torch.tensor([1, 2, 3]), torch.tensor([4, 5]), torch.tensor([6])]
    >>> packed = torch.nn.utils.rnn.pack_sequence(sequences)
    >>> packed.data, packed.batch_sizes
    (tensor([1, 4, 6, 2, 5, 3]), tensor([3, 2, 1]))
    """

    def __new__(
        cls,
        data: Tensor,
        batch_sizes: Tensor | None = None,
        sorted_indices: Tensor | None = None,
        unsorted_indices: Tensor | None = None,
    ) -> PackedSequence:
        if batch_sizes is None:  # the older form: one pair
            if not isinstance(data, (list, tuple)) or len(data) != 2:
                raise AssertionError("Expected data to be a list or tuple of length 2")
            data, batch_sizes = data
        elif batch_sizes.device.type != "cpu":
            raise ValueError(
                "batch_sizes should always be on CPU. Instances of PackedSequence should never be created "
                "manually. They should be instantiated by functions like pack_sequence and "
                "pack_padded_sequences in nn.utils.rnn."
            )
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def to(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """`Tensor.to` on the data; the indices follow to its device."""
        data = self.data.to(*args, **kwargs)
        if data is self.data:
            return self

        def move(indices: Tensor | None) -> Any:
            return None if indices is None else indices.to(data.device)

        return type(self)(data, self.batch_sizes, move(self.sorted_indices), move(self.unsorted_indices))

    def cuda(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """On the GPU."""
        return self.to(self.data.cuda(*args, **kwargs).device)

    def cpu(self) -> PackedSequence:
        """On the CPU."""
        return self.to("cpu")

    def _as(self, name: str) -> PackedSequence:
        return type(self)(getattr(self.data, name)(), *self[1:])

    def pin_memory(self) -> PackedSequence:
        """With the data in page-locked host memory."""
        return self._as("pin_memory")

    def double(self) -> PackedSequence:
        """With the data as float64."""
        return self._as("double")

    def float(self) -> PackedSequence:
        """With the data as float32."""
        return self._as("float")

    def half(self) -> PackedSequence:
        """With the data as float16."""
        return self._as("half")

    def long(self) -> PackedSequence:
        """With the data as int64."""
        return self._as("long")

    def int(self) -> PackedSequence:
        """With the data as int32."""
        return self._as("int")

    def short(self) -> PackedSequence:
        """With the data as int16."""
        return self._as("short")

    def char(self) -> PackedSequence:
        """With the data as int8."""
        return self._as("char")

    def byte(self) -> PackedSequence:
        """With the data as uint8."""
        return self._as("byte")

    @property
    def is_cuda(self) -> bool:
        """Whether the data lie on a GPU."""
        return self.data.is_cuda

    def is_pinned(self) -> bool:
        """Whether the data lie in page-locked host memory."""
        return self.data.is_pinned()


def invert_permutation(permutation: Tensor | None) -> Any:
    """The permutation that undoes `permutation`; None stays None.

    >>> import tritonnn as torch
    >>> torch.nn.utils.rnn.invert_permutation(torch.tensor([2, 0, 1]))
    tensor([1, 2, 0])
    """
    if permutation is None:
        return None
    output: Any = empty_like(permutation)
    return output.scatter_(0, permutation, arange(permutation.numel(), device=permutation.device))


def _places(lengths: Sequence[int], batch_sizes: Sequence[int]) -> list[int]:
    """Rows of the flattened (T, B) grid in packed order."""
    batch = len(lengths)
    return [step * batch + i for step, count in enumerate(batch_sizes) for i in range(count)]


def _lengths(lengths: Any) -> list[int]:
    """One length per sequence; RuntimeError where a tensor or number has not one dimension."""
    dims = lengths.ndim if isinstance(lengths, Tensor) else 0 if isinstance(lengths, int) else 1
    if dims != 1:
        raise RuntimeError(f"'lengths' argument should be a 1D CPU int64 tensor, but got {dims}D")
    return [int(n) for n in (lengths.tolist() if isinstance(lengths, Tensor) else lengths)]


def pack_padded_sequence(
    input: Tensor, lengths: Tensor | Sequence[int], batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Take the padding out of a batch of sequences.

    Args:
        input: (T, B, *), or (B, T, *) with `batch_first`.
        lengths: of the B sequences; list, tuple or 1-D CPU tensor.
        batch_first: which of the two layouts.
        enforce_sorted: refuse lengths that do not decrease; False sorts the sequences first.

    Raises:
        RuntimeError: a length of 0, lengths that do not decrease, or not one per sequence.

    >>> import tritonnn as torch
    >>> torch.nn.utils.rnn.pack_padded_sequence(torch.tensor([[1, 3], [2, 0]]), [2, 1]).data
    tensor([1, 3, 2])
    """
    if not isinstance(input, Tensor):
        raise TypeError(
            f"pack_padded_sequence(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}"
        )
    sizes = _lengths(lengths)
    batch_dim = 0 if batch_first else 1
    if input.ndim < 2:
        raise IndexError(
            f"pack_padded_sequence: input must be (T, B, *) or (B, T, *), not {tuple(input.shape)}"
        )
    if 0 in input.shape:
        raise RuntimeError("Cannot pack empty tensors.")
    if len(sizes) != input.shape[batch_dim]:
        raise RuntimeError(
            f"Expected `len(lengths)` to be equal to batch_size, but got {len(sizes)} "
            f"(batch_size={input.shape[batch_dim]})"
        )
    sorted_indices = None
    if not enforce_sorted:
        order = sorted(range(len(sizes)), key=lambda i: -sizes[i])
        sizes = [sizes[i] for i in order]
        sorted_indices = tensor(order, dtype=int64, device=input.device)
        input = input.index_select(batch_dim, sorted_indices)
    if any(n <= 0 for n in sizes):
        raise RuntimeError(
            "Length of all samples has to be greater than 0, but found an element in 'lengths' that is <= 0"
        )
    if sizes != sorted(sizes, reverse=True):
        raise RuntimeError(
            "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You can pass "
            "`enforce_sorted=False` to pack_padded_sequence and/or pack_sequence to sidestep this "
            "requirement if you do not need ONNX exportability."
        )
    if sizes and sizes[0] > input.shape[1 - batch_dim]:
        raise RuntimeError(
            f"pack_padded_sequence: length {sizes[0]} is more than the {input.shape[1 - batch_dim]} steps of "
            f"input {tuple(input.shape)}"
        )
    if batch_first:
        input = input.transpose(0, 1)
    batch_sizes = [sum(n > step for n in sizes) for step in range(sizes[0])] if sizes else []
    rows = tensor(_places(sizes, batch_sizes), dtype=int64, device=input.device)
    sizes_of_steps = tensor(batch_sizes, dtype=int64, device="cpu")  # whatever the default device is
    flat = input.reshape(input.shape[0] * input.shape[1], *input.shape[2:])
    return PackedSequence(flat.index_select(0, rows), sizes_of_steps, sorted_indices)


def pad_packed_sequence(
    sequence: PackedSequence,
    batch_first: bool = False,
    padding_value: float = 0.0,
    total_length: int | None = None,
) -> tuple[Any, Any]:
    """Undo `pack_padded_sequence`: the padded batch (T, B, *) and the lengths (int64).

    Args:
        sequence: the packed batch.
        batch_first: return (B, T, *).
        padding_value: what to fill up with.
        total_length: T; the longest sequence's length by default.

    Raises ValueError where total_length is less than that.

    >>> import tritonnn as torch
    >>> packed = torch.nn.utils.rnn.pack_sequence([torch.tensor([1, 2]), torch.tensor([3])])
    >>> torch.nn.utils.rnn.pad_packed_sequence(packed, batch_first=True)
    (tensor([[1, 2],
            [3, 0]]), tensor([2, 1]))
    """
    batch_sizes = _lengths(sequence.batch_sizes)
    if sequence.batch_sizes.is_floating_point():
        raise RuntimeError(f"batch_sizes must be int64, not {sequence.batch_sizes.dtype}")
    if not batch_sizes:
        raise RuntimeError("batch_sizes can not be empty")
    if batch_sizes != sorted(batch_sizes, reverse=True) or sum(batch_sizes) != sequence.data.shape[0]:
        raise RuntimeError(
            f"pad_packed_sequence: batch_sizes {batch_sizes} must not increase, and count the "
            f"{sequence.data.shape[0]} elements of the data"
        )
    longest = len(batch_sizes)
    if total_length is not None and total_length < longest:
        raise ValueError(
            "Expected total_length to be at least the length of the longest sequence in input, but got "
            f"total_length={total_length} and max sequence length being {longest}"
        )
    steps = longest if total_length is None else total_length
    batch = batch_sizes[0]
    lengths = [sum(count > i for count in batch_sizes) for i in range(batch)]
    data = sequence.data
    rows = tensor(_places(lengths, batch_sizes), dtype=int64, device=data.device)
    padded = data.new_full((steps * batch, *data.shape[1:]), padding_value).index_copy(0, rows, data)
    padded = padded.reshape(steps, batch, *data.shape[1:])
    if batch_first:
        padded = padded.transpose(0, 1)
    counts = tensor(lengths, dtype=int64, device="cpu")
    order = sequence.unsorted_indices
    if order is not None:
        return padded.index_select(0 if batch_first else 1, order), counts[order.cpu()]
    return padded, counts


def pad_sequence(
    sequences: Tensor | Sequence[Tensor],
    batch_first: bool = False,
    padding_value: float = 0.0,
    padding_side: str = "right",
) -> Any:
    """Stack sequences (L_i, *) of different lengths into one batch.

    Args:
        sequences: tensors that agree in all but the first dimension.
        batch_first: return (B, T, *) instead of (T, B, *).
        padding_value: what to fill up with.
        padding_side: 'right' or 'left'.

    >>> import tritonnn as torch
    >>> torch.nn.utils.rnn.pad_sequence([torch.tensor([1, 2]), torch.tensor([3])], batch_first=True)
    tensor([[1, 2],
            [3, 0]])
    """
    if not isinstance(sequences, (Iterable, Tensor)):
        raise RuntimeError(
            f"pad_sequence: Expected iterable for input sequences, but got arg of type: {type(sequences)}"
        )
    if padding_side not in ("left", "right"):
        raise RuntimeError(f"Expected padding_side to be one of left or right, but got {padding_side}.")
    sequences = sequences.unbind(0) if isinstance(sequences, Tensor) else list(sequences)
    if not sequences:
        raise RuntimeError("received an empty list of sequences")
    for i, sequence in enumerate(sequences):
        if not isinstance(sequence, Tensor):
            raise TypeError(
                f"expected Tensor as element {i} in argument 0, but got {type(sequence).__name__}"
            )
        if sequence.ndim == 0:
            raise RuntimeError(f"pad_sequence: element {i} has no dimension to pad")
    from tritonnn.nn.functional import pad
    from tritonnn.ops.joining.joining import stack

    steps = max(sequence.shape[0] for sequence in sequences)
    first = sequences[0]
    rows = []
    for sequence in sequences:
        if (
            sequence.shape[1:] != first.shape[1:] or sequence.dtype != first.dtype
        ):  # as if copied into its batch
            sequence = sequence.to(first.dtype).expand(sequence.shape[0], *first.shape[1:])
        missing = steps - sequence.shape[0]
        sides = (0, missing) if padding_side == "right" else (missing, 0)
        zeros = (0, 0) * (sequence.ndim - 1)
        rows.append(pad(sequence, (*zeros, *sides), value=padding_value) if missing else sequence)
    return stack(rows, 0 if batch_first else 1)


def unpad_sequence(
    padded_sequences: Tensor, lengths: Tensor | Sequence[int], batch_first: bool = False
) -> list[Any]:
    """Undo `pad_sequence`: the list of sequences of the given lengths."""
    if not batch_first:
        padded_sequences = padded_sequences.transpose(0, 1)
    sizes = lengths.tolist() if isinstance(lengths, Tensor) else lengths
    if len(sizes) != padded_sequences.shape[0]:
        raise ValueError(
            f"unpad_sequence: {len(sizes)} lengths do not fit a batch of {padded_sequences.shape[0]} sequences"
        )
    return [sequence[: int(size)] for sequence, size in zip(padded_sequences, sizes)]


def pack_sequence(sequences: Sequence[Any], enforce_sorted: bool = True) -> PackedSequence:
    """Pack a list of sequences (L_i, *), the longest first unless `enforce_sorted` is False."""
    lengths = [sequence.shape[0] for sequence in sequences]
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Any]:
    """Undo `pack_sequence`: the list of sequences."""
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)

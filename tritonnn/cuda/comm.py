"""Copying, splitting and summing tensors over the GPUs of one process; one GPU works as well as several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tritonnn.cuda._devices import device_count, device_index
from tritonnn.device import device as Device

__all__ = ["broadcast", "broadcast_coalesced", "gather", "reduce_add", "reduce_add_coalesced", "scatter"]

DeviceLike = Device | int | str


def broadcast(
    tensor: Any, devices: Sequence[DeviceLike] | None = None, *, out: Sequence[Any] | None = None
) -> tuple:
    """A tensor on each of several GPUs.

    Args:
        tensor: on the CPU or a GPU.
        devices: the GPUs; on the one that holds the tensor it is returned itself.
        out: GPU tensors to write instead, one per copy.

    Returns:
        One tensor per device.

    Raises:
        RuntimeError: neither or both of `devices` and `out`.

    >>> import tritonnn as torch
    >>> x = torch.arange(4.0)
    >>> if torch.cuda.is_available():
    ...     (copy,) = torch.cuda.comm.broadcast(x, [0])
    ...     assert copy.is_cuda and copy.tolist() == x.tolist()
    """
    if (devices is None) == (out is None):
        raise RuntimeError(f"Exactly one of 'devices' and 'out' must be specified, got {devices=} and {out=}")
    if out is not None:
        for target in out:
            target.copy_(tensor)
        return tuple(out)
    return tuple(tensor.to(Device("cuda", device_index(d))) for d in devices or ())


def broadcast_coalesced(
    tensors: Sequence[Any], devices: Sequence[DeviceLike], buffer_size: int = 10485760
) -> list[tuple]:
    """Several tensors on each of several GPUs, as one tuple of tensors per GPU.

    Args:
        tensors: all on one device.
        devices: the GPUs.
        buffer_size: bytes to copy at a time; copies here are not joined, so it changes nothing but is
            checked.

    Raises:
        ValueError: `buffer_size` is not positive.

    >>> import tritonnn as torch
    >>> x = torch.arange(4.0)
    >>> if torch.cuda.is_available():
    ...     ((a, b),) = torch.cuda.comm.broadcast_coalesced([x, x + 1], [0])
    ...     assert b.tolist() == [1, 2, 3, 4]
    """
    if buffer_size <= 0:
        raise ValueError(f"buffer_size must be positive, got {buffer_size}")
    return [tuple(copies) for copies in zip(*(broadcast(t, devices) for t in tensors), strict=True)]


def reduce_add(inputs: Sequence[Any], destination: DeviceLike | None = None) -> Any:
    """The sum of tensors of one shape from several GPUs.

    Args:
        inputs: GPU tensors of equal shape, type and layout.
        destination: the GPU of the sum; the current one for None.

    Raises:
        RuntimeError: no inputs, one on the CPU, or shapes that differ.

    >>> import tritonnn as torch
    >>> x = torch.arange(4.0)
    >>> if torch.cuda.is_available():
    ...     total = torch.cuda.comm.reduce_add([x.cuda(), x.cuda()])
    ...     assert total.tolist() == [0, 2, 4, 6]
    """
    index = device_index(destination)
    inputs = list(inputs)
    if not inputs:
        raise RuntimeError("reduce_add expects a non-empty list of tensors")
    shape = inputs[0].shape
    for i, tensor in enumerate(inputs):
        if not tensor.is_cuda:
            raise AssertionError(
                f"reduce_add expects all inputs to be on GPUs, input {i} is on {tensor.device}"
            )
        if tensor.shape != shape:
            got, expected = "x".join(map(str, tensor.shape)), "x".join(map(str, shape))
            raise ValueError(f"input {i} has invalid size: got {got}, but expected {expected}")
    home = Device("cuda", index)
    # Start from the input that is there already: one copy less.
    inputs.sort(key=lambda tensor: tensor.device is not home)
    if len(inputs) == 1:
        return inputs[0].to(home)
    total = inputs[0].to(home) + inputs[1].to(home)
    for tensor in inputs[2:]:
        total += tensor.to(home)
    return total


def reduce_add_coalesced(
    inputs: Sequence[Sequence[Any]], destination: DeviceLike | None = None, buffer_size: int = 10485760
) -> tuple:
    """For each position, the sum of the tensors that the GPUs hold there.

    Args:
        inputs: one sequence of tensors per GPU.
        destination: the GPU of the sums; the current one for None.
        buffer_size: as in `broadcast_coalesced`.

    Raises:
        ValueError: `buffer_size` is not positive.

    >>> import tritonnn as torch
    >>> x = torch.arange(4.0)
    >>> if torch.cuda.is_available():
    ...     sums = torch.cuda.comm.reduce_add_coalesced([[x.cuda()], [x.cuda()]])
    ...     assert sums[0].tolist() == [0, 2, 4, 6]
    """
    if buffer_size <= 0:
        raise ValueError(f"buffer_size must be positive, got {buffer_size}")
    return tuple(reduce_add(same, destination) for same in zip(*inputs, strict=True))


def scatter(
    tensor: Any,
    devices: Sequence[DeviceLike] | None = None,
    chunk_sizes: Sequence[int] | None = None,
    dim: int = 0,
    streams: Sequence[Any] | None = None,
    *,
    out: Sequence[Any] | None = None,
) -> tuple:
    """Split a tensor over GPUs.

    Args:
        tensor: on the CPU or a GPU.
        devices: the GPUs, one per chunk.
        chunk_sizes: extent of each chunk along `dim`; equal ones (the last may be smaller) for None.
        dim: the dimension to split.
        streams: the stream to copy each chunk on, or None for the current one.
        out: GPU tensors to write instead; their extents along `dim` are the chunk sizes.

    Returns:
        One tensor per device.

    Raises:
        RuntimeError: `out` together with other arguments, or as many sizes as devices are not given.

    >>> import tritonnn as torch
    >>> x = torch.arange(4.0)
    >>> if torch.cuda.is_available():
    ...     first, second = torch.cuda.comm.scatter(x, [0, 0], [1, 3])
    ...     assert second.tolist() == [1, 2, 3]
    """
    if out is not None:
        if devices is not None or chunk_sizes is not None:
            raise RuntimeError(
                "'devices' and 'chunk_sizes' must not be specified when 'out' is, got "
                f"{devices=}, {chunk_sizes=}"
            )
        chunks = tensor.split([target.shape[dim] for target in out], dim)
        for target, chunk in zip(out, chunks, strict=True):
            target.copy_(chunk)
        return tuple(out)
    indices = list(range(device_count())) if devices is None else [device_index(d) for d in devices]
    if chunk_sizes is None:
        chunks = tensor.chunk(len(indices), dim)
    else:
        if len(chunk_sizes) != len(indices):
            raise RuntimeError(
                f"Expected devices and chunk_sizes to be of same length, got {devices=}, {chunk_sizes=}"
            )
        chunks = tensor.split(list(chunk_sizes), dim)
    return tuple(
        _to(chunk, index, None if streams is None else streams[i])
        for i, (chunk, index) in enumerate(zip(chunks, indices, strict=False))
    )


def _to(chunk: Any, index: int, stream: Any) -> Any:
    from tritonnn.cuda.streams import stream as on_stream

    with on_stream(stream):
        return chunk.contiguous().to(Device("cuda", index))


def gather(
    tensors: Sequence[Any], dim: int = 0, destination: DeviceLike | None = None, *, out: Any = None
) -> Any:
    """Join tensors from several GPUs.

    Args:
        tensors: of equal extents except along `dim`.
        dim: the dimension to join along.
        destination: the GPU of the result, 'cpu' or -1 for the CPU; the current GPU for None.
        out: a tensor to write instead.

    Raises:
        RuntimeError: `destination` together with `out`.

    >>> import tritonnn as torch
    >>> x = torch.arange(4.0)
    >>> if torch.cuda.is_available():
    ...     joined = torch.cuda.comm.gather([x.cuda(), x.cuda()], destination="cpu")
    ...     assert joined.shape == (8,)
    """
    import tritonnn

    if out is not None:
        if destination is not None:
            raise RuntimeError(f"'destination' must not be specified when 'out' is, got {destination=}")
        return out.copy_(tritonnn.cat([tensor.to(out.device) for tensor in tensors], dim))
    on_cpu = destination == -1 or (destination is not None and Device(destination).type == "cpu")
    home = Device("cpu") if on_cpu else Device("cuda", device_index(destination))
    return tritonnn.cat([tensor.to(home) for tensor in tensors], dim)

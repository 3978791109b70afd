"""What ops on a TVTensor return: plain tensors, or TVTensors again."""

from __future__ import annotations

_keeps = False  # whether results are of the class of what they are computed from


def keeps_class() -> bool:
    """Whether results are of the class of what they are computed from."""
    return _keeps


class _Restoring:
    """A block at whose end the choice before it holds again; without a block the choice stays."""

    def __init__(self, before: bool) -> None:
        self.before = before

    def __enter__(self) -> _Restoring:
        return self

    def __exit__(self, *exc_info: object) -> None:
        global _keeps
        _keeps = self.before


def set_return_type(return_type: str) -> _Restoring:
    """Choose what ops on a TVTensor return, from now on or in a `with` block.

    >>> import tritonnn as torch
    >>> from tritonnn.vision import tv_tensors
    >>> image = tv_tensors.Image(torch.ones(3, 2, 2))
    >>> type(image + 1).__name__
    'Tensor'
    >>> with tv_tensors.set_return_type("TVTensor"):
    ...     type(image + 1).__name__
    'Image'

    Args:
        return_type: "Tensor", as it is from the start, or "TVTensor".
    """
    global _keeps
    chosen = {"tensor": False, "tvtensor": True}.get(return_type.lower())
    if chosen is None:
        raise ValueError(f"return_type must be 'TVTensor' or 'Tensor', got {return_type}")
    before, _keeps = _keeps, chosen
    return _Restoring(before)

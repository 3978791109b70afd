"""Names that stand for a class that there is not."""

from __future__ import annotations

from typing import Any, NoReturn

_TEXT = "MaskedTensor is not implemented: give the functions of torch.masked a tensor and mask="


class MaskedTensor:
    """Left out: a tensor that carries its mask.

    >>> import tritonnn as torch
    >>> torch.masked.MaskedTensor(torch.ones(1), torch.ones(1) > 0)
    Traceback (most recent call last):
    NotImplementedError: MaskedTensor is not implemented: give the functions of torch.masked a tensor and mask=
    """

    def __init__(self, data: Any, mask: Any, requires_grad: bool = False) -> None:
        raise NotImplementedError(_TEXT)


def masked_tensor(data: Any, mask: Any, requires_grad: bool = False) -> NoReturn:
    """Left out, as `MaskedTensor` is.

    >>> import tritonnn as torch
    >>> torch.masked.masked_tensor(torch.ones(1), torch.ones(1) > 0)
    Traceback (most recent call last):
    NotImplementedError: MaskedTensor is not implemented: give the functions of torch.masked a tensor and mask=
    """
    raise NotImplementedError(_TEXT)


def as_masked_tensor(data: Any, mask: Any) -> NoReturn:
    """Left out, as `MaskedTensor` is.

    >>> import tritonnn as torch
    >>> torch.masked.as_masked_tensor(torch.ones(1), torch.ones(1) > 0)
    Traceback (most recent call last):
    NotImplementedError: MaskedTensor is not implemented: give the functions of torch.masked a tensor and mask=
    """
    raise NotImplementedError(_TEXT)


def is_masked_tensor(obj: Any, /) -> bool:
    """Whether `obj` is a MaskedTensor: never, as there are none.

    >>> import tritonnn as torch
    >>> torch.masked.is_masked_tensor(torch.ones(1))
    False
    """
    return isinstance(obj, MaskedTensor)

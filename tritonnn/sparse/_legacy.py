"""Sparse tensor types of older programs: `torch.sparse.FloatTensor(indices, values, size)`."""

from __future__ import annotations

from typing import Any

from tritonnn import legacy_types
from tritonnn._sparse import SparseTensor
from tritonnn._tensor import Tensor
from tritonnn.device import device as Device
from tritonnn.dtypes import dtype as DType
from tritonnn.ops.sparse.making import sparse_coo_tensor

KINDS = ("BFloat16", "Byte", "Char", "Double", "Float", "Half", "Int", "Long", "Short")


class _SparseType(type):
    """`isinstance(x, torch.sparse.FloatTensor)` asks for layout, dtype and device, not for a Python class."""

    dtype: DType
    device_type: str

    def __instancecheck__(cls, instance: Any) -> bool:
        return (
            isinstance(instance, SparseTensor)
            and instance.dtype is cls.dtype
            and instance.device.type == cls.device_type
        )

    def __call__(cls, *args: Any, device: Any = None) -> Tensor:
        where = Device(cls.device_type if device is None else device)
        if args and isinstance(args[0], Tensor):
            if len(args) > 1 and isinstance(args[1], Tensor) and args[1].dtype is not cls.dtype:
                raise TypeError(
                    f"torch.sparse.{cls.__name__}: expected values of {cls.dtype}, but got {args[1].dtype}"
                )
            return sparse_coo_tensor(*args, dtype=cls.dtype, device=where)
        size = args[0] if len(args) == 1 and not isinstance(args[0], int) else args
        size = tuple(size) or (0,)
        return sparse_coo_tensor(size=size, dtype=cls.dtype, device=where)


def sparse_type(kind: str, place: str) -> Any:
    """The type of a kind such as 'Float' on a device."""
    fields = {
        "dtype": legacy_types.KINDS[kind],
        "device_type": place,
        "__module__": "torch.cuda.sparse" if place == "cuda" else "torch.sparse",
        "__doc__": f"Sparse {kind} tensors: a constructor and an `isinstance` test of older programs.",
    }
    return _SparseType(kind + "Tensor", (), fields)


TYPES = {f"{kind}Tensor": sparse_type(kind, "cpu") for kind in KINDS}

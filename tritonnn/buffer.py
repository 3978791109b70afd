"""What a GPU kernel is handed: a pointer with its geometry, and nothing that knows about autograd."""

from __future__ import annotations

from typing import Any, NoReturn

from tritonnn.errors import Invalid


class Buffer:
    """A strided view of device memory.

    Attributes:
        ptr: address of the first element, in bytes.
        shape: extent of each dimension, in elements.
        strides: distance between neighbours of each dimension, in elements.
        dtype: a `tritonnn.dtypes.dtype`.
        device: a `tritonnn.device`.
        owner: whatever must stay alive for `ptr` to stay valid.
    """

    __slots__ = ("device", "dtype", "owner", "ptr", "shape", "strides")

    def __init__(
        self, ptr: int, shape: tuple[int, ...], strides: tuple[int, ...], dtype: Any, device: Any, owner: Any
    ) -> None:
        self.ptr = ptr
        self.shape = shape
        self.strides = strides
        self.dtype = dtype
        self.device = device
        self.owner = owner

    def data_ptr(self) -> int:
        """Address of the first element: the name Triton asks its arguments for."""
        return self.ptr

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self.shape)

    @property
    def numel(self) -> int:
        """Number of elements."""
        count = 1
        for extent in self.shape:
            count *= extent
        return count

    def is_contiguous(self) -> bool:
        """Whether the elements lie row-major without gaps."""
        expected = 1
        for extent, stride in zip(reversed(self.shape), reversed(self.strides), strict=True):
            if extent != 1:
                if stride != expected:
                    return self.numel == 0
                expected *= extent
        return True

    def as_strided(self, shape: tuple[int, ...], strides: tuple[int, ...], offset: int = 0) -> Buffer:
        """Another geometry over the same memory; `offset` in elements from this buffer's first element."""
        return Buffer(
            self.ptr + offset * self.dtype.itemsize, shape, strides, self.dtype, self.device, self.owner
        )

    def __repr__(self) -> str:
        return f"Buffer({self.shape}, strides={self.strides}, {self.dtype.name}, {self.device}, ptr=0x{self.ptr:x})"


class Missing:
    """What stands for the buffer of a tensor whose elements lie beyond its storage: whatever is asked of it fails."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def refuse(self, *_: object, **__: object) -> NoReturn:
        """Say how far the tensor reaches and how large its storage is."""
        raise Invalid(self.text)

    # Looked up on the class, by Python or by NumPy, and therefore not by way of __getattr__.
    __array__ = __array_ufunc__ = __array_function__ = refuse
    __getitem__ = __setitem__ = __len__ = __iter__ = __bool__ = __index__ = __int__ = __float__ = refuse
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = refuse
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = refuse
    __neg__ = __invert__ = __abs__ = __pow__ = __rpow__ = __matmul__ = __rmatmul__ = refuse
    __hash__ = object.__hash__

    def __getattr__(self, name: str) -> NoReturn:
        self.refuse()

    def __repr__(self) -> str:
        return f"Missing({self.text!r})"

"""What annotations of programs call arguments: `torch.types.Device`, `Number`, `FileLike`."""

from __future__ import annotations

import builtins
import os
from collections.abc import Sequence
from typing import IO, Any, Union

from tritonnn._symbolic import SymBool, SymFloat, SymInt
from tritonnn._tensor import Tensor
from tritonnn.device import device as _device
from tritonnn.shape import Size
from tritonnn.storage.typed import TypedStorage
from tritonnn.storage.untyped import UntypedStorage

__all__ = ["Device", "FileLike", "Number", "Storage"]

_bool, _int, _float, _complex = builtins.bool, builtins.int, builtins.float, builtins.complex
_str, _bytes = builtins.str, builtins.bytes

Number = Union[int, float, bool]  # noqa: UP007  # `isinstance` and `typing.get_args` take both forms
_Number = (int, float, bool)
FileLike = Union[str, os.PathLike[str], IO[bytes]]  # noqa: UP007
Device = Union[_device, str, int, None]  # noqa: UP007
Storage = Union[TypedStorage, UntypedStorage]  # noqa: UP007
IntLikeType = Union[int, SymInt]  # noqa: UP007
FloatLikeType = Union[float, SymFloat]  # noqa: UP007
BoolLikeType = Union[bool, SymBool]  # noqa: UP007
PySymType = Union[SymInt, SymFloat, SymBool]  # noqa: UP007
py_sym_types = (SymInt, SymFloat, SymBool)
_size = Union[Size, list[int], tuple[int, ...]]  # noqa: UP007
_symsize = Union[Size, Sequence[Union[int, SymInt]]]  # noqa: UP007
_TensorOrTensors = Union[Tensor, Sequence[Tensor]]  # noqa: UP007
_TensorOrOptionalTensors = Union[Tensor, Sequence[Tensor | None]]  # noqa: UP007
_TensorOrTensorsOrGradEdge = Union[Tensor, Sequence[Tensor], Any]  # noqa: UP007

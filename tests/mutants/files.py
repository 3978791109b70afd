"""Faults in saved files and in memory that other libraries see."""

from __future__ import annotations

from mutants import Fault

TENSORS = "tritonnn/serialization/_tensors.py"
ARCHIVE = "tritonnn/serialization/_archive.py"
SAFE = "tritonnn/utils/safetensors.py"
DLPACK = "tritonnn/utils/dlpack.py"

FAULTS = [
    Fault(
        "bytes of the other order as they are", "byte order", TENSORS,
        "return data.reshape(-1, size)[:, ::-1].reshape(-1)", "return data",
        "tests/test_engine_byte_order.py -k other_order",
    ),
    Fault(
        "complex numbers turned as a whole", "byte order", TENSORS,
        "size = dtype.itemsize // (2 if dtype.is_complex else 1)", "size = dtype.itemsize",
        "tests/test_engine_byte_order.py -k other_order",
    ),
    Fault(
        "a file without a record is of this machine", "byte order", ARCHIVE,
        'if "byteorder" in self else "little"', 'if "byteorder" in self else "big"',
        "tests/test_engine_byte_order.py -k without_the_record",
    ),
    Fault(
        "bytes are not aligned", "file offset", ARCHIVE,
        "% ALIGNMENT  # type", "% 8  # type",
        "tests/test_serialization.py -k aligned",
    ),
    Fault(
        "the header's length in the alignment", "file offset", ARCHIVE,
        "_LOCAL_HEADER + len(info.filename.encode()) + 4 +",
        "_LOCAL_HEADER + len(info.filename.encode()) + 8 +",
        "tests/test_serialization.py -k aligned",
    ),
    Fault(
        "a mapped record without its extra field", "file offset", ARCHIVE,
        "start = info.header_offset + _LOCAL_HEADER + name + extra",
        "start = info.header_offset + _LOCAL_HEADER + name",
        "tests/test_serialization.py -k mmap",
    ),
    Fault(
        "a map begins at its page", "file offset", ARCHIVE,
        "info.file_size, start - page)", "info.file_size, 0)",
        "tests/test_serialization.py -k mmap",
    ),
    Fault(
        "a map writes through to the file", "ownership", ARCHIVE,
        "access=mmap.ACCESS_COPY", "access=mmap.ACCESS_READ",
        "tests/test_serialization.py -k mmap",
    ),
    Fault(
        "checksums are not compared", "refusal", ARCHIVE,
        "            with self.zip.open(info) as source:\n",
        "            with self.zip.open(info) as source:\n                source._expected_crc = None\n",
        "tests/test_serialization_errors.py -k flipped",
    ),
    Fault(
        "a record is not read to its end", "refusal", ARCHIVE,
        "if done != len(view) or source.read(1):", "if done != len(view):",
        "tests/test_serialization_errors.py -k flipped",
        equivalent="zipfile compares the checksum as it hands out the last bytes; the further read asks again",
    ),
    Fault(
        "a tensor beyond its storage", "refusal", TENSORS,
        "if not whole or (0 not in size and offset + extent_in_elements(size, stride) > room):",
        "if not whole:",
        "tests/test_serialization_errors.py -k inside_their_storage",
    ),
    Fault(
        "offsets are lost", "file offset", TENSORS,
        "where = storage_of(tensor), tensor.storage_offset(), *geometry",
        "where = storage_of(tensor), 0, *geometry",
        "tests/test_serialization.py -k 'strides or share'",
    ),
    Fault(
        "each view is saved for itself", "ownership", TENSORS,
        "    if ref is None or ref.dtype is not dtype:\n", "    if True:\n",
        "tests/test_serialization.py -k 'share or copies'",
    ),
    Fault(
        "a loaded tensor requires no grad", "state", TENSORS,
        "    return tensor.requires_grad_(requires_grad) if requires_grad else tensor\n",
        "    return tensor\n",
        "tests/test_serialization.py -k requires_grad",
    ),
    Fault(
        "map_location by name is ignored", "state", TENSORS,
        "return _to(base, str(map_location.get(location, location)))", "return _to(base, location)",
        "tests/test_serialization.py -k map_location",
    ),
    Fault(
        "a parameter's state replaces its own", "refusal", TENSORS,
        'or name.startswith("_"):', 'and name.startswith("_"):',
        "tests/test_serialization_errors.py -k state_of_a_parameter",
    ),
    Fault(
        "safetensors: shared memory passes", "refusal", SAFE,
        "    if shared:\n", "    if False:\n",
        "tests/test_safetensors.py",
    ),
    Fault(
        "safetensors: bfloat16 as float16", "dtype rule", SAFE,
        '"BF16": "bfloat16"', '"BF16": "float16"',
        "tests/test_safetensors.py",
    ),
    Fault(
        "safetensors: an alias of one address is one", "state", SAFE,
        "(tensor.data_ptr(), tuple(tensor.shape), tensor.stride(), tensor.device)", "tensor.data_ptr()",
        "tests/test_safetensors.py",
    ),
    Fault(
        "dlpack: strides are left out", "exchange", DLPACK,
        "step = ctypes.cast(ctypes.addressof(geometry) + 8 * len(tensor.shape), POINTER(c_int64))",
        "step = None",
        "tests/test_dlpack.py",
    ),
    Fault(
        "dlpack: strides of others are not read", "exchange", DLPACK,
        "tuple(view.strides[: view.ndim]) if view.strides else",
        "contiguous_strides(shape) if view.strides else",
        "tests/test_dlpack.py",
    ),
    Fault(
        "dlpack: an offset is left out", "exchange", DLPACK,
        "(view.data or 0) + view.byte_offset", "(view.data or 0)",
        "tests/test_dlpack.py",
    ),
    Fault(
        "dlpack: memory is not kept", "ownership", DLPACK,
        "    memory.owner = owner  # type: ignore[attr-defined]\n", "",
        "tests/test_dlpack.py",
    ),
    Fault(
        "dlpack: a capsule is taken twice", "exchange", DLPACK,
        "    _rename(capsule, _USED[name])\n", "",
        "tests/test_dlpack.py",
    ),
    Fault(
        "dlpack: what requires grad is lent", "exchange", DLPACK,
        "    if tensor.requires_grad:\n        raise BufferError", "    if False:\n        raise BufferError",
        "tests/test_dlpack.py",
    ),
    Fault(
        "dlpack: unsigned as signed", "exchange", DLPACK,
        "0 if d.is_signed else 1", "0",
        "tests/test_dlpack.py",
    ),
    Fault(
        "numpy arrays of the other order are taken", "byte order", "tritonnn/dtypes.py",
        "        if not given.isnative:\n", "        if False:\n",
        "tests/test_engine_byte_order.py -k arrays_are_refused",
    ),
]  # fmt: skip

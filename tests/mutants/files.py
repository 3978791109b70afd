"""Faults in saved files and in memory that other libraries see."""

from __future__ import annotations

from mutants import Fault

TENSORS = "tritonnn/serialization/_tensors.py"
ARCHIVE = "tritonnn/serialization/_archive.py"
SAFE = "tritonnn/utils/safetensors.py"
PARAMETER = "tritonnn/_parameter.py"
BUDGET = "tritonnn/serialization/_budget.py"
BUILDERS = "tritonnn/serialization/_builders.py"
UNPICKLER = "tritonnn/serialization/_safe.py"
LEGACY = "tritonnn/serialization/_legacy.py"
FILES = "tritonnn/serialization/_files.py"
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
        "            return assumed()", '            return "big"',
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
        "    if (offset if 0 in size else offset + extent_in_elements(size, stride)) > room:\n", "    if False:\n",
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
        "a parameter's state replaces its own", "refusal", PARAMETER,
        "or (hasattr(Tensor, name) and name not in _FREE)", "",
        "tests/test_serialization_errors.py -k state_of_a_parameter",
    ),
    Fault(
        "a tensor's state gives it a protocol", "refusal", PARAMETER,
        'or name.startswith("__") or', "or",
        "tests/test_serialization_errors.py -k state_of_a_parameter",
    ),
    Fault(
        "attributes are lost", "state", PARAMETER,
        "        return (_rebuild_parameter_with_state, (*plain, state)) if state else (_rebuild_parameter, plain)\n",
        "        return (_rebuild_parameter, plain)\n",
        "tests/test_serialization_bounds.py -k attributes",
    ),
    Fault(
        "truth values of any byte", "refusal", TENSORS,
        "if dtype is bool_ and data.size and data.max() > 1:", "if False:",
        "tests/test_serialization_bounds.py -k truth",
    ),
    Fault(
        "bytes as truth values", "refusal", TENSORS,
        "(ref.dtype not in (None, uint8) or dtype is bool_)", "ref.dtype not in (None, uint8)",
        "tests/test_serialization_bounds.py -k 'hostile and truth'",
    ),
    Fault(
        "windows are computed without a bound", "budget", BUILDERS,
        "            reader.bytes.spend(", "            (lambda *_: 0)(",
        "tests/test_serialization_bounds.py -k windows",
    ),
    Fault(
        "copies are not counted", "budget", BUILDERS,
        '    reader.budget.spend(8 * len(value), f"a {what}")\n', "",
        "tests/test_serialization_bounds.py -k 'hostile and lists'",
    ),
    Fault(
        "a tuple's depth is lost", "budget", BUDGET,
        "depth = max(depth, below + 1)", "depth = 2",
        "tests/test_serialization_bounds.py -k 'hostile and slices'",
    ),
    Fault(
        "a key's weight is not counted", "budget", BUDGET,
        '            self.budget.spend(8 * weight, "the hash of a key")\n', "",
        "tests/test_serialization_bounds.py -k 'hostile and key and not storage and not deep'",
    ),
    Fault(
        "arguments of a tensor are whatever can be counted", "budget", BUILDERS,
        "    if type(args) is not tuple:  #", "    if False:  #",
        "tests/test_serialization_bounds.py -k 'hostile and tensor and expanded'",
    ),
    Fault(
        "a part of what was to be written is enough", "atomic", FILES,
        "        while isinstance(done, int) and done < wanted:\n", "        while False:\n",
        "tests/test_saving.py -k file_object",
    ),
    Fault(
        "keys of one hash", "budget", BUDGET,
        "            if seen[digest] > COLLISIONS:\n", "            if False:\n",
        "tests/test_serialization_bounds.py -k 'hostile and one'",
    ),
    Fault(
        "lists in lists have no bound", "budget", BUDGET,
        "            below[-1] = max(below[-1], depth)\n", "            pass\n",
        "tests/test_serialization_bounds.py -k 'hostile and deep'",
    ),
    Fault(
        "unpacked records are not counted", "budget", ARCHIVE,
        "            self.space.spend(", "            (lambda *_: 0)(",
        "tests/test_serialization_bounds.py -k records",
    ),
    Fault(
        "a declared length is believed", "budget", UNPICKLER,
        "if count > _SMALL and count > self.size - self.place else", "if False else",
        "tests/test_serialization_bounds.py -k hostile",
        equivalent="of a file in memory no more is made than there is; a file on a disk would make room first",
    ),
    Fault(
        "an error shows its key", "refusal", UNPICKLER,
        'text = error.args[0] if error.args and type(error.args[0]) is str else ""', "text = str(error)",
        "tests/test_serialization_bounds.py -k 'error_text'",
    ),
    Fault(
        "old storages reach beyond the file", "refusal", LEGACY,
        "        if count * size > end - file.tell():\n", "        if False:\n",
        "tests/test_serialization_bounds.py -k old_storages",
    ),
    Fault(
        "temporary files stay", "atomic", FILES,
        "        _clean(folder, name)\n", "",
        "tests/test_saving.py -k cleaned",
    ),
    Fault(
        "a living writer's file is cleaned", "atomic", FILES,
        "                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # fails while its writer lives\n", "",
        "tests/test_saving.py -k 'cleaned or two_writers'",
    ),
    Fault(
        "a pipe is written to by place", "atomic", SAFE,
        '    refuse_devices(filename, "save_file")\n', "",
        "tests/test_saving.py -k pipes",
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

"""GPU kernels: one file per family, every implementation is the function with its op's name.

A family file holds Triton kernels and the host functions that launch them. `implementation(family, name)`
finds the function `name` in `kernels/<family>.py`; nothing is registered. Its signature is that of the CPU
twin in `cpu_fallback/<family>.py`: outputs first (preallocated), then all arguments of the op's schema;
tensors arrive as `tritonnn.buffer.Buffer`, of any strides.

- **Elementwise ops** (`elementwise.py`, `activation.py`, `special/`) are scalar `@triton.jit` functions of their
  operands; the generic kernel in `device/pointwise.py` loads, casts, applies and stores. A plain Python function of
  the op's name in those files is an ordinary implementation (used where an argument picks between scalar
  functions).
- **Other ops** are Python functions that call `launch(kernel, grid, *arguments, CONSTANT=..., num_warps=...)`
  from `launch/launch.py`. In a kernel's signature run-time parameters come first, `tl.constexpr` parameters last;
  pass the former by position and the latter by keyword. Workspace comes from `empty(shape, dtype,
  like=buffer)`.
- A grid with a zero in it launches nothing, so zero-size tensors need no special case unless something has to
  be written.
- Offsets: pass `INT64=needs_int64(buffers...)` as a constexpr where a product of an index and a stride can
  reach 2**31, and widen the index with `.to(tl.int64)` under `if INT64`.
- A Python float arrives as float32; annotate the parameter (`eps: fp64`, from `launch/launch.py`) where float64
  operands need all its digits.

**Compile check.** `python -m tritonnn.kernels.check` compiles every kernel for every architecture without
a GPU. A family file lists what to compile in a module constant `COMPILE`, a list (or a function that returns
one) of `Case`s from `tritonnn.kernels.check.case`:

    COMPILE = [
        Case(row_kernel, "*fp32 *fp32 i32 i32:16", {"BLOCK": 1024}, num_warps=4),
        Case(gemm_kernel, "*bf16 *bf16 *bf16 i32 i32 i32", {"BM": 128, ...}, num_warps=8, matrix=True),
    ]

The signature names the run-time parameters in order, `:16` marks one that is a multiple of 16 (pointers are
taken to be aligned), `=1` one that equals 1, `None` an absent one, `(... ...)` a tuple. `matrix=True` demands
the architecture's matrix instructions in the binary ("warp": those of single warps, "none": products without),
`specialize=True` warp specialisation on sm_90 and sm_100, `wide="both"` loads and stores of 16 bytes, `spills=N`
allows N bytes of spills, `archs=("sm_90",)` restricts the architectures, `work=tiles()` has the instructions of
the hot loop counted for a unit of work. Every figure is kept in
`regressions.json`: new kernels and worse ones fail the check until `--update` accepts them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tritonnn._families import OWN, find, place

POINTWISE = ("elementwise", "activation", "special", "variates")
# where the scalar functions of complex numbers stand, under the names of the ops
COMPLEX = "complex_functions"
# and those for results of 16 bits
SHORT = "short_functions"

_implementations: dict[tuple[str, str], Callable[..., None]] = {}


def implementation(family: str, name: str, package: str = OWN) -> Callable[..., Any]:
    """The function that runs op `name` of `family` on the GPU; of another package that in its own `kernels`.

    Raises:
        NotImplementedError: there is no such kernel; the message names the file and the function to add.
    """
    if package != OWN:  # what is found is kept by the entry, which goes when the package does
        return _find(f"{package}.kernels", family, name)
    function = _implementations.get((family, name))
    if function is None:
        function = _implementations[family, name] = _find(__name__, family, name)
    return function


def has(family: str, name: str) -> bool:
    """Whether `implementation(family, name)` would find a kernel."""
    try:
        implementation(family, name)
    except NotImplementedError:
        return False
    return True


def _find(package: str, family: str, name: str) -> Callable[..., Any]:
    function = find(package, family, name)
    if function is None:
        raise NotImplementedError(f"{name} has no GPU kernel: add {name} to {place(package, family)}")
    if (family in POINTWISE or package != __name__) and hasattr(function, "arg_names"):
        from tritonnn.kernels.device.pointwise import pointwise

        return pointwise(function, find(package, COMPLEX, name), find(package, SHORT, name))
    return function

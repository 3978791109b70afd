"""What a multiprocessor of each architecture has and does in a clock, as data.

The matrix rates are those of dense operands. Sources: NVIDIA, "CUDA C++ Programming Guide", 16.1 (throughput of
native instructions) and the table of technical specifications per compute capability; the white papers of A100 and
H100 and the data sheets of HGX H100 and HGX B200 (rates and bandwidth, divided by multiprocessors and clock); AMD,
"CDNA 3 white paper", the MI300X data sheet and the instruction set reference "AMD Instinct MI300".
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Architecture:
    """A multiprocessor (a compute unit of AMD's), and the product it is in.

    Attributes:
        product: whose figures they are.
        multiprocessors: of the product. clock: cycles a second at which it reaches its data sheet's rates.
        bandwidth: bytes a second of its memory.
        slots: instructions of warps that a multiprocessor issues in a clock.
        special: lanes of exp2, log2, reciprocal, ... in a clock.
        matrix: operations (a multiply-add is two) in a clock, by the arithmetic of a product.
        lanes: threads of a warp.
        registers: 32-bit ones for the threads of one scheduler, of which there are four.
        granule: the registers that a warp is given are a multiple of it.
        warps: at most at a time. blocks: at most at a time.
        shared: bytes of shared memory. reserved: of it, taken for each block.
        columns: of tensor memory; 0 where there is none.
        issued: kinds of instructions that share the slots.
    """

    product: str
    multiprocessors: int
    clock: float
    bandwidth: float
    slots: float
    special: float
    matrix: dict[str, float]
    shared: int
    lanes: int = 32
    registers: int = 16384
    granule: int = 256
    warps: int = 64
    blocks: int = 32
    reserved: int = 1024
    columns: int = 0
    issued: tuple[str, ...] = field(default=("matrix", "memory", "integer", "float", "special", "other"))

    @property
    def bytes_a_clock(self) -> float:
        """A multiprocessor's share of the memory's bandwidth."""
        return self.bandwidth / (self.multiprocessors * self.clock)


#: By the names that kernels are compiled for.
ARCHITECTURES = {
    # A100 SXM 80 GB: 312 TFLOP/s of bfloat16, 156 of tf32, 19.5 of float64 and of float32
    "sm_80": Architecture(
        "A100", 108, 1.41e9, 2.039e12, slots=4, special=16, shared=164 << 10,
        matrix={"half": 2048, "tf32": 1024, "fp64": 128, "ieee": 128},
    ),
    # H100 SXM: 989.4 TFLOP/s of bfloat16, 494.7 of tf32, 1,978.9 of float8, 66.9 of float64 and of float32
    "sm_90": Architecture(
        "H100", 132, 1.83e9, 3.35e12, slots=4, special=16, shared=228 << 10,
        matrix={"half": 4096, "tf32": 2048, "fp8": 8192, "fp64": 256, "ieee": 256},
    ),
    # B200 in HGX systems: 2.25 PFLOP/s of bfloat16, 1.1 of tf32, 4.5 of float8, 37 TFLOP/s of float64, 75 of float32
    "sm_100": Architecture(
        "B200", 148, 1.85e9, 8.0e12, slots=4, special=16, shared=228 << 10, columns=512,
        matrix={"half": 8192, "tf32": 4096, "fp8": 16384, "fp64": 128, "ieee": 256},
    ),
    # MI300X: 1,307.4 TFLOP/s of bfloat16, 653.7 of xf32, 2,614.9 of float8, 163.4 of float64 and of float32. Each of
    # the four units of a compute unit takes four clocks for a vector instruction of 64 threads, 16 for a
    # transcendental one; scalar instructions, memory and matrices go beside them.
    "gfx942": Architecture(
        "MI300X", 304, 2.1e9, 5.3e12, slots=1, special=16, shared=64 << 10, lanes=64, registers=32768, granule=512,
        warps=32, reserved=0, issued=("integer", "float", "special"),
        matrix={"half": 2048, "tf32": 1024, "fp8": 4096, "fp64": 256, "ieee": 256},
    ),
}  # fmt: skip

"""Random programs, run by PyTorch and by tritonnn: results, types, strides, gradients and refusals have to agree.

    python tests/fuzz/programs.py --count 1000 [--seed 0] [--minutes 5] [--steps 20] [--device cuda] [--show 7]

A program is a list of Python lines such as `v7 = v3[:, 1:]` or `v2.add_(v5)`. Where the two libraries differ, lines are
taken away until only those are left that show the difference.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from fuzz.running import compare, shrunk
from fuzz.writing import write

#: differences that stay, by a pattern of what is said of them
EXPLAINED = {
    # what PyTorch does not compute
    "setStorage": "PyTorch looks at memory that an empty tensor has not",
    "not implemented for '.*got no error": "PyTorch has no kernel for the type",
    "nansum on CPU does not support complex|does not support automatic differentiation for outputs with complex": (
        "PyTorch has it for real numbers only"
    ),
    "Could this error message be improved": "PyTorch stops at an assertion of its own",
    "Autograd not support dtype": "a sum in whole numbers has no gradient, as .int() has none",
    # what PyTorch leaves undefined
    r"_scatter\(.*\.(stride|storage_offset): ": "a copy has no gaps, where PyTorch copies those of the original too",
    r"(torch\.tensor|einsum).*\.stride: ": "where an index by tensors, or an extent of 1 in einsum, puts its results",
    r"autograd\.grad\(.*\.stride: ": "how a gradient lies is its formula's, no promise",
    "some elements of the input tensor.*got no error": "memory of other dimensions is read element for element",
    "no error expected.*more than one element of the written-to": "a write that meets an element twice is undefined",
    r"\.data\b.*\.grad: ": "what is written through .data escapes the graph, which PyTorch documents as unsafe",
    r"complex.*\.(asinh|acosh|atanh|asin|acos|atan|sqrt|log)\(\)": "PyTorch loses the sign of zero on branch cuts",
    r"(layer_norm|var|std|norm)\(.*\.grad: .*(nan|inf)": "an infinity in a row makes it infinite or NaN, as sums run",
    r"autograd\.grad\(.*A view was created in no_grad mode.*got no error": "PyTorch's gradient happens to be a view",
    r"Output \d of \w+ is a view and .* got IndexError": "two mistakes in one call",
    "got NotImplementedError .*not implemented for complex": "complex numbers that are missing are said to be",
    r"\.grad: .*\de\+?1\d": "a number of such size has lost its digits on the way",
    r"tensordot\(.*has been modified by an inplace operation": "PyTorch copies an operand of contracted extent 1",
    r"\.diff\(.*\.(shape|is_leaf): ": "a diff of nothing is PyTorch's argument itself",
    r"retain_grad\(\).*\.(t_|\w+squeeze_|transpose_)\(.*\.grad\.shape: ": "PyTorch's has the shape from before",
    r"\.(rsqrt|reciprocal)\(\).*-inf": "the sign of a zero that was summed up depends on where the sum starts",
    r"\.atan2\(.*3\.14159": "the sign of a zero that came out of a product decides",
    "leaf variable has been moved": "a leaf that was detached and written keeps what came before",
    r"quietly\(.*view.*requires_grad: False expected": "PyTorch asks the base of a view made without recording",
    r"logcumsumexp\(.*\.grad: .*(nan|inf)": "beside NaN an infinity keeps its own limit",
    r"torch\.\w+\((v\d+),.*out=\1\)": "PyTorch resizes the operand that is out= before it reads it",
    r"requires_grad_\(\).*is_leaf: False expected": "what was made before a leaf required grad has no history",
    r"torch\.cat\(.*out=.*can't be cast": "two mistakes in one call",
    r"gelu\(.*nan.*expected, got .*inf": "at infinity the limit, where PyTorch multiplies infinity by 0",
    r"complex.*log1p\(\).*\.grad: .*nan": "at a pole, infinity rather than NaN",
    r"zero_\(\).*requires_grad: True expected": "the gradient of what was overwritten is a plain zero",
    r"\.reciprocal\(\).*-?\d{7,}\.": "of what cancelled to almost nothing, the last bit decides",
    "a view of a leaf Variable that requires grad.*expected, got IndexError": "two mistakes in one call",
    r"with torch\.no_grad\(\).*requires_grad: False expected": "PyTorch forgets a base's graph where a view is written",
    "Integer division with addcdiv": "it divides truly, as PyTorch says that it will",
    r"\.erf\(\).*\.log1p\(\)": "near -1 the last bit of erf decides",
    "expected shape compatible with": "a formula of PyTorch's does not know of the dimensions turned in place",
    r"\.(amin|amax|aminmax)\(.*\.grad: .*nan": "what is not the smallest has none of a gradient that is NaN",
    "complex32 expected": "PyTorch's complex32 is experimental, as it warns, and has few operations",
    # where PyTorch is wrong
    r"uint8.*(>=|<|==|!=) -1\b": "a negative number is below all of uint8, where PyTorch wraps it",
    r"\.cumprod\(.*\.grad: .*nan": "infinity times 0 is NaN, where PyTorch goes around zeros",
    r"logcumsumexp\(.*create_graph.*\.grad: ": "PyTorch's second derivative leaves out where the first is 0",
    r"\.prod\(.*\.grad: .*nan": "beside NaN, PyTorch divides the product by it or, with zeros, leaves it out",
    r"\.(expm1|sigmoid)\(\).*nan": "PyTorch has NaN where a complex number with infinite part has a limit",
    r"(quietly\(.*view|requires_grad_\(\)).*(: None expected|not to have been used|to not have been used)": (
        "PyTorch says of a view made without recording that it requires grad as its base does, and gives it none"
    ),
}


EXPLAINED_ON_A_GPU = {"ZeroDivisionError.*got no error": "a GPU divides whole numbers by zero without a word"}


def differences(
    truth: Any, library: Any, seeds: Iterable[int], steps: int = 20, device: str = "cpu", until: float = 1e99
) -> Iterator[tuple[int, list[str], str | None]]:
    """(seed, program, difference or None); a program that shows one is shrunk."""
    for seed in seeds:
        if time.time() > until:
            return
        lines = write(truth, seed, steps)
        if device != "cpu":  # whose kernels have few complex numbers
            lines = [line.replace("complex128", "float64").replace("complex64", "float32") for line in lines]
        text = compare(lines, truth, library, device)
        if text is not None:
            lines = shrunk(lines, lambda fewer: compare(fewer, truth, library, device) is not None)
            text = compare(lines, truth, library, device)
        yield seed, lines, None if text is None or explained(lines, text, device) else text


def explained(lines: list[str], text: str, device: str) -> str | None:
    """Why a difference stays."""
    known = EXPLAINED if device == "cpu" else EXPLAINED | EXPLAINED_ON_A_GPU
    said = " ".join([*lines, text])
    return next((reason for pattern, reason in known.items() if re.search(pattern, said)), None)


def main() -> int:
    """Run programs; 1 where there is a difference."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=1000, help="number of programs (1000)")
    parser.add_argument("--seed", type=int, default=0, help="of the first program (0)")
    parser.add_argument("--steps", type=int, default=20, help="lines of a program (20)")
    parser.add_argument("--minutes", type=float, default=600, help="stop after so long")
    parser.add_argument("--device", default="cpu", help="tritonnn's; PyTorch always runs on the CPU")
    parser.add_argument("--show", type=int, help="print the program of a seed and its difference")
    options = parser.parse_args()
    import torch as truth

    import tritonnn as library

    if options.show is not None:
        lines = write(truth, options.show, options.steps)
        print("\n".join(lines), compare(lines, truth, library, options.device), sep="\n\n")
        return 0
    seeds = range(options.seed, options.seed + options.count)
    return run(seeds, time.time() + options.minutes * 60, options.steps, options.device)


def run(seeds: Iterable[int], until: float, steps: int = 20, device: str = "cpu") -> int:
    """Print what differs, and how often which kind of it; 1 where something does."""
    import torch as truth

    import tritonnn as library

    done, kinds = 0, Counter[str]()
    for seed, lines, text in differences(truth, library, seeds, steps, device, until):
        done += 1
        if text is not None:
            kinds[re.sub(r"\d+", "N", text)[:120]] += 1
            print(f"---- seed {seed}", *lines, f"# {text}", sep="\n", flush=True)
    for text, number in kinds.most_common():
        print(number, text)
    print(f"{done} programs, {kinds.total()} differences")
    return int(kinds.total() > 0)


if __name__ == "__main__":
    sys.exit(main())

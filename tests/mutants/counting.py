"""Faults in counting the instructions of binaries."""

from __future__ import annotations

from mutants import Fault

COUNTING, LISTING = "kernels/check/counting.py", "kernels/check/listing.py"
CEILING, REGRESSIONS = "kernels/check/ceiling.py", "kernels/check/regressions.py"
TESTS = "tests/kernels/test_counting.py -k"

FAULTS = [
    Fault(
        "counting: an edge tile's loop is taken", "formula", COUNTING,
        "way.accesses, -len(way.code))", "way.accesses, len(way.code))",
        f"{TESTS} edge_loop",
    ),
    Fault(
        "counting: loops of finished tiles run every step", "formula", COUNTING,
        "if way.depth == max(w.depth for w, _ in hot)]", "]",
        f"{TESTS} groups_of_warps",
    ),
    Fault(
        "counting: what one thread starts is of all warps", "formula", COUNTING,
        "        alone = listing.of_one_warp(loop, blocks)\n", "        alone = set()\n",
        f"{TESTS} one_thread",
    ),
    Fault(
        "counting: waiting loops are hot", "lookup", LISTING,
        "        return asks and len(code) <= _LONGEST_WAIT\n", "        return False\n",
        f"{TESTS} hot_loop",
    ),
    Fault(
        "counting: the longest way round a loop", "formula", LISTING,
        "weigh) for x in self.blocks[k]), -len(self.blocks[k])", "weigh) for x in self.blocks[k]), len(self.blocks[k])",
        f"{TESTS} 'edge_loop or hot_loop'",
    ),
    Fault(
        "counting: registers as they are, not as they are given", "formula", CEILING,
        "-(-registers * arch.lanes // arch.granule) * arch.granule", "registers * arch.lanes",
        f"{TESTS} published_examples",
    ),
    Fault(
        "counting: more instructions a unit pass", "lookup", REGRESSIONS,
        "            worse += _worse_counts(before[-1], report)\n", "            pass\n",
        f"{TESTS} one_more_instruction",
    ),
]  # fmt: skip

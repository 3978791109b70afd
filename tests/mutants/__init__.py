"""Planted faults: what the tests must notice, one row a fault, in a file per area.

`make mutants` puts each fault into a copy of the tree and runs the narrowest tests that should fail;
`tests/test_mutants.py` holds that every row still fits the file it names.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent.parent
AREAS = (
    "engine",
    "ops",
    "kernels",
    "kernel_families",
    "kernel_products",
    "counting",
    "linalg",
    "libraries",
    "twins",
    "optim",
    "amp",
    "files",
    "runtime",
    "data",
    "nn",
    "debugging",
    "recurrent",
    "sparse",
    "nested",
    "overriding",
    "distributions",
    "profiling",
    "complex_numbers",
    "recorded_programs",
    "transforms",
    "extending",
    "vision_models",
    "vision_ops",
    "vision_newer_models",
    "detectors",
    "images",
    "samples",
    "image_files",
)

#: What can go wrong in a library of this kind; each has a fault at least.
MECHANISMS = {
    "mask": "elements beyond the end are read or written",
    "padding value": "what a masked lane counts as",
    "stride": "an element is taken from the wrong place",
    "accumulator": "a sum in too narrow a type",
    "rescale": "partial results of unlike scales are added up",
    "index width": "offsets beyond 2**31",
    "index": "which element is meant, counted from where",
    "special value": "NaN, infinities, ties and empty inputs",
    "precision": "a formula that cancels or overflows",
    "formula": "the value itself",
    "derivative": "a factor or sign of a gradient",
    "gradient flow": "which gradients are summed, kept or left out",
    "graph": "what is recorded, and for whom",
    "ownership": "memory that two hold",
    "version check": "a write that backward must notice",
    "hook order": "when hooks run and what they are shown",
    "dtype rule": "promotion and what may be cast",
    "shape rule": "a check of extents, or what follows from them",
    "argument check": "a value that must be refused",
    "default": "what happens where nothing is said",
    "reduction": "what a mean divides by",
    "bias correction": "first steps",
    "eps": "where the small number is added",
    "schedule": "the rate as a function of the step",
    "state": "what a checkpoint carries",
    "budget": "memory and time that a file may ask for",
    "atomic": "which file is there after a failure",
    "generator state": "where a stream of random numbers goes on",
    "random numbers": "the numbers themselves",
    "file offset": "where bytes lie in a file",
    "taken over": "whose answer a call gets",
    "byte order": "of numbers in a file",
    "exchange": "memory shown to other libraries",
    "refusal": "damaged or hostile files",
    "stream wait": "order between streams",
    "race check": "the simulated device's own check of that order",
    "bounds check": "the simulated device's own check of accesses",
    "conversion": "the simulated device's own rounding",
    "memory pool": "blocks that come back",
    "lookup": "which function is called",
    "sampler": "which samples, in which order",
    "collate": "how samples become a batch",
    "worker": "processes that load",
    "initialisation": "scale of first weights",
    "normalisation": "statistics and their running means",
    "dropout": "what is kept and how it is scaled",
    "module": "the tree of modules and its state",
}


class Fault(NamedTuple):
    """A fault.

    Attributes:
        name: unique; what -k selects by, with the mechanism and the file.
        mechanism: one of MECHANISMS.
        file: that holds `old` exactly once.
        new: what takes its place.
        tests: arguments of pytest: the narrowest tests that must fail.
        equivalent: why no test can notice it; such a row is not run.
    """

    name: str
    mechanism: str
    file: str
    old: str
    new: str
    tests: str
    equivalent: str = ""

    def occurrences(self, root: Path = ROOT) -> int:
        """How often the old text stands in the file under `root`."""
        path = root / self.file
        return path.read_text(encoding="utf-8").count(self.old) if path.is_file() else 0

    def planted(self, text: str) -> str:
        """The file's text with the fault in it."""
        return text.replace(self.old, self.new, 1)


def all_faults() -> list[Fault]:
    """The rows of all areas."""
    faults: list[Fault] = []
    for area in AREAS:
        faults += importlib.import_module(f"mutants.{area}").FAULTS
    return faults

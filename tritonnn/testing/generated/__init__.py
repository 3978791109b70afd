"""Tests that entries of the op table make: of the library in its own tests, of another package by `testing/plugin.py`.

Each file of `FILES` is one that pytest collects; the samples, error inputs and definitions come from the entries of
`package`, which is set before they are imported.
"""

from __future__ import annotations

from tritonnn._families import OWN

#: whose entries are tested
package = OWN
FILES = ("calls.py", "gradients.py", "definitions.py", "examples.py", "batches.py", "kernels.py")

"""More than 2**31 elements: every kernel that can compute its offsets in 64 bits does so from end to end, by the
width of the products in Triton's own representation. No such tensor is needed.

`KERNEL=softmax_kernel pytest tests/kernels/test_wide_offsets.py -k depend_on` looks at one kernel.
"""

from __future__ import annotations

import json
import os

import pytest
from compiling import compiled

from tritonnn.buffer import Buffer
from tritonnn.device import device
from tritonnn.dtypes import float32
from tritonnn.kernels.launch.launch import needs_int64

pytestmark = pytest.mark.exhaustive

# Kernels with products in 32 bits that cannot overflow where offsets do, and why.
BOUNDED = {
    "attention_kernel": "rows of queries and keys, numbers of heads",
    "specialised_attention_kernel": "rows of queries and keys, numbers of heads",
    "listed_attention_kernel": "rows of queries and keys, numbers of heads and blocks",
    "part_kernel": "rows of queries and keys, numbers of heads, keys of a part",
    "keys_backward_kernel": "rows of queries and keys, numbers of heads",
    "queries_backward_kernel": "rows of queries and keys, numbers of heads",
    "delta_kernel": "rows of queries",
    "correlate_kernel": "channels",
    "weight_kernel": "channels, taps and positions along a dimension",
    "weight_boxes_kernel": "channels and taps",
    "depthwise_kernel": "channels and positions along a dimension",
    "depthwise_weight_kernel": "channels, taps and positions along a dimension",
    "col2im_kernel": "the reach of a window",
    "max_pool_kernel": "the reach of a window",
    "max_pool_gather_kernel": "the reach of a window",
    "lookup_kernel": "the width of a row",
    "cross_entropy_backward_kernel": "classes",
    "nll_backward_kernel": "classes",
    "row_norm_backward_kernel": "rows of more than one element",
    "column_sums_kernel": "columns",
    "gemm_kernel": "rows and columns of matrices, number of tiles",
    "sum_parts_kernel": "rows and columns of matrices, number of tiles",
    "roi_align_kernel": "bins and channels",
    "roi_align_gather_kernel": "bins and channels, tiles of a plane",
    "roi_pool_kernel": "bins and channels, positions of a plane, which are int32",
    "roi_pool_gather_kernel": "bins and channels, positions of a plane, which are int32",
    "deform_columns_kernel": "channels and taps, positions of a plane",
    "deform_places_kernel": "channels and taps, positions of a plane",
}

SCRIPT = """
import json, os, re, tempfile
os.environ["TRITON_CACHE_DIR"] = tempfile.mkdtemp()  # what is cached does not pass by the patch
from dataclasses import replace
from triton.backends.nvidia.compiler import CUDABackend
from tritonnn.kernels.check import compile as _compile

class Stop(Exception):
    pass

def stop(module, *rest):
    raise Stop(str(module))

CUDABackend.make_ttgir = staticmethod(stop)  # Triton's own representation is all that is wanted

def narrow(ttir):
    '''Products in 32 bits on which addresses depend.'''
    made = {m[1]: (m[2], m[3]) for m in re.finditer(r"^ *(%\\w+)(?::\\d+)? = (\\S+) ?(.*)$", ttir, re.M)}
    for loop in re.finditer(r"scf\\.for (%\\w+) = (%\\w+) to .*?(?:iter_args\\((.*?)\\))?(?: ->| :|$)", ttir, re.M):
        made[loop[1]] = ("start", loop[2])
        made |= {a: ("first", b) for a, b in re.findall(r"(%\\w+) = (%\\w+)", loop[3] or "")}
    todo = re.findall(r"tt\\.addptr %\\w+, (%\\w+)", ttir)
    seen, found = set(), []
    while todo:
        value = todo.pop()
        if value in seen or value not in made:
            continue
        seen.add(value)
        name, rest = made[value]
        if name.startswith(("tt.load", "scf.", "tt.get_program_id")):
            continue
        if name == "arith.muli" and re.search(r": (tensor<[\\dx]*xi32>|i32)(\\s|$)", rest):
            found.append(rest.split(" loc")[0])
        todo += re.findall(r"%\\w+", rest)
    return found

found, done = {}, set()
for family in _compile.modules():
    for case in _compile.cases(family):
        name = case.kernel.__name__
        if os.environ.get("KERNEL", name) != name:
            continue
        if "INT64" in case.kernel.arg_names and id(case.kernel) not in done and case.archs[0].startswith("sm_"):
            done.add(id(case.kernel))  # two families may have kernels of one name
            wide = replace(case, constants={**case.constants, "INT64": True})
            try:
                _compile.build(wide, case.archs[0])
            except Stop as stopped:
                found[name] = found.get(name, []) + narrow(stopped.args[0])
            except Exception as error:
                raise RuntimeError(name) from error
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def products():
    return json.loads(compiled(SCRIPT).splitlines()[-1])


def test_addresses_depend_on_no_product_in_32_bits(products):
    assert len(products) > (0 if "KERNEL" in os.environ else 50)
    wrong = {
        name: narrow_ones for name, narrow_ones in products.items() if narrow_ones and name not in BOUNDED
    }
    assert not wrong


def test_the_exceptions_are_still_needed(products):
    assert set(BOUNDED) <= {name for name, narrow_ones in products.items() if narrow_ones}


def test_the_host_asks_for_64_bits_as_soon_as_an_offset_reaches_them():
    def view(shape, strides):
        return Buffer(16, shape, strides, float32, device("cuda", 0), None)

    assert not needs_int64(view((1 << 30,), (1,)))
    assert needs_int64(view((1 << 31,), (1,)))
    assert needs_int64(view((3, 5), (1 << 30, 1)))  # few elements far apart
    assert needs_int64(view((4,), (1,)), view((3, 1), (-(1 << 31), 1)))
    assert not needs_int64(view((1 << 20, 1 << 20), (0, 0)))


def test_bins_of_adaptive_pools_are_found_in_64_bits():
    """Bins come from products of positions and sizes, and the place of a maximum in its plane is one itself."""
    text = compiled("""
        import re
        from dataclasses import replace
        from tritonnn.kernels.check.compile import build, cases, of_family
        done = set()
        for case in of_family("pooling"):
            name = case.kernel.__name__
            if name.startswith("adaptive") and name not in done:
                done.add(name)
                wide = replace(case, constants={**case.constants, "INT64": True})
                ttir = build(wide, "sm_90").asm["ttir"]
                print(name, len(re.findall(r"arith.muli .*xi32>", ttir)), len(re.findall(r"arith.muli .*xi64>", ttir)))
    """)
    divisions = {name: (int(narrow), int(wide)) for name, narrow, wide in map(str.split, text.splitlines())}
    assert set(divisions) == {"adaptive_avg_kernel", "adaptive_gather_kernel", "adaptive_max_kernel"}
    for name, (narrow, wide) in divisions.items():
        assert narrow == 0 and wide >= 6, (name, narrow, wide)

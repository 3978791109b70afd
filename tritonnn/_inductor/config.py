"""Settings of PyTorch's code generator, which programs set and read; nothing here follows them."""

from __future__ import annotations

from types import SimpleNamespace

coordinate_descent_tuning = False
coordinate_descent_check_all_directions = False
epilogue_fusion = True
epilogue_fusion_first = False
force_fuse_int_mm_with_mul = False
use_mixed_mm = False
fx_graph_cache = True
max_autotune = False
max_autotune_gemm = False
freezing = False
compile_threads = 1
cpp_wrapper = False
conv_1x1_as_mm = False
shape_padding = True
triton = SimpleNamespace(
    unique_kernel_names=True, cudagraphs=False, cudagraph_trees=True, autotune_pointwise=True
)
cpp = SimpleNamespace(threads=-1, simdlen=None)

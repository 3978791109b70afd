"""Settings of PyTorch's compiler, which programs set and read; nothing here follows them."""

from __future__ import annotations

suppress_errors = False
verbose = False
cache_size_limit = recompile_limit = 8
accumulated_cache_size_limit = accumulated_recompile_limit = 256
capture_scalar_outputs = False
capture_dynamic_output_shape_ops = False
assume_static_by_default = True
automatic_dynamic_shapes = True
dynamic_shapes = True
specialize_int = False
guard_nn_modules = True
inline_inbuilt_nn_modules = True
optimize_ddp = True
allow_unspec_int_on_nn_module = False
compiled_autograd = False
disable = False

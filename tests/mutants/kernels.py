"""Faults in softmax, in what the kernels of many families share, and in how they are launched."""

from __future__ import annotations

from mutants import Fault

SOFTMAX = "kernels/softmax.py"
EXPONENTIALS = "kernels/device/exponentials.py"
SHORT = "kernels/short_functions.py"
REDUCE = "kernels/device/reduce.py"
REDUCTION = "kernels/reduction.py"
POINTWISE = "kernels/device/pointwise.py"
STRIDED = "kernels/device/strided.py"
MATH = "kernels/device/math.py"
LAUNCH = "kernels/launch/launch.py"
LONG = "tests/kernels/test_long_rows.py -k"
TWIN = "tests/test_ops.py -k"
WIDE = "tests/kernels/test_wide_offsets.py -k"
SOFT = "tests/kernels/test_softmax_kernels.py"
EXP = "tests/kernels/test_exponentials.py"
SUMS = "tests/kernels/test_reduction.py"

FAULTS = [
    Fault(
        "softmax: a row that fits takes zeros beyond its end", "padding value", SOFTMAX,
        'x = tl.where(mask, x, float("-inf"))\n        # the maximum cancels',
        "x = tl.where(mask, x, 0.0)\n        # the maximum cancels",
        SOFT,
    ),
    Fault(
        "exponentials: a long row takes zeros beyond its end", "padding value", EXPONENTIALS,
        'x = tl.where(row_mask & inside, x, float("-inf"))', "x = tl.where(row_mask & inside, x, 0.0)",
        EXP,
    ),
    Fault(
        "exponentials: elements before the row count", "padding value", EXPONENTIALS,
        "    inside = (cols >= 0) & (cols < length)\n", "    inside = cols < length\n",
        EXP,
    ),
    Fault(
        "exponentials: parts are not rescaled", "rescale", EXPONENTIALS,
        "l = l * exp_in_sum(m - shift) + tl.sum", "l = l + tl.sum",
        EXP,
    ),
    Fault(
        "exponentials: lanes are not rescaled to the peak", "rescale", EXPONENTIALS,
        "tl.sum(l * exp_in_sum(m - finite_or_0(row_max)[:, None]), axis=1)", "tl.sum(l, axis=1)",
        EXP,
    ),
    Fault(
        "exponentials: -inf below -inf", "special value", EXPONENTIALS,
        'return tl.where(tl.abs(m) == float("inf"), 0.0, m)', "return m",
        EXP,
    ),
    Fault(
        "softmax: rows before the walked one are written", "mask", SOFTMAX,
        "None, places >= lead, row_max", "None, None, row_max",
        EXP,
    ),
    Fault(
        "softmax: an infinite score has a share", "special value", SOFTMAX,
        'row_sum = tl.where(row_max == float("inf"), float("nan"), row_sum)', "row_sum = row_sum",
        EXP,
    ),
    Fault(
        "short functions: tanh cancels near 0", "precision", SHORT,
        "tl.where(tl.abs(x) < 0.125, near, far)", "far",
        "tests/kernels/test_short_functions.py",
    ),
    Fault(
        "short functions: sigmoid's exponential overflows", "special value", SHORT,
        "tl.minimum(x, 30.0, propagate_nan=tl.PropagateNan.ALL)", "x",
        "tests/kernels/test_short_functions.py",
    ),
    Fault(
        "softmax: the maximum is not taken out", "precision", SOFTMAX,
        "        x = x - tl.max(x, axis=1)[:, None]\n", "",
        SOFT,
    ),
    Fault(
        "softmax: rows beyond the last one are written", "mask", SOFTMAX,
        "tl.store(out_ptrs + cols * stride_out, convert(y, DTYPE), mask=mask)",
        "tl.store(out_ptrs + cols * stride_out, convert(y, DTYPE), mask=cols < n_cols)",
        f"{SOFT} tests/test_ops.py -k 'against_float64 or (kernel_matches_twin and softmax_cuda_float32)'",
    ),
    Fault(
        "softmax: output strides of the input", "stride", SOFTMAX,
        "tl.store(out_ptrs + cols * stride_out, convert(y, DTYPE)",
        "tl.store(out_ptrs + cols * stride_in, convert(y, DTYPE)",
        f"{SOFT} tests/test_ops.py -k 'against_float64 or ((test_out or noncontiguous) and softmax_cuda)'",
    ),
    Fault(
        "softmax: its gradient without the sum", "derivative", SOFTMAX,
        "return (dy - row_sum) * y", "return dy * y",
        f"{TWIN} 'kernel_matches_twin and softmax_backward'",
    ),
    Fault(
        "softmax: accumulates in half precision", "accumulator", SOFTMAX,
        "ACC=tl.float64 if input.dtype is float64 else tl.float32", "ACC=tl.float16",
        f"{SOFT}",
    ),
    Fault(
        "reduce: a chunk's end is not masked", "mask", REDUCE,
        "        mask = mask_k[:, None] & (offs_r < end_r)[None, :]\n        x = map_element(",
        "        mask = mask_k[:, None] & (offs_r < end_r + BLOCK_R)[None, :]\n        x = map_element(",
        f"{SUMS} -k against_float64",
    ),
    Fault(
        "reduce: results beyond the last one are written", "mask", REDUCE,
        "    tl.store(out_ptrs, convert(result, out_ptr.dtype.element_ty), mask=mask_k)\n\n\n@triton.jit\n"
        "def precedes",
        "    tl.store(out_ptrs, convert(result, out_ptr.dtype.element_ty))\n\n\n@triton.jit\ndef precedes",
        f"{SUMS} -k against_float64",
    ),
    Fault(
        "reduce: a product starts from nothing", "padding value", REDUCE,
        '    elif OP == "prod":\n        return 1', '    elif OP == "prod":\n        return 0',
        f"{TWIN} 'kernel_matches_twin and prod_dims'",
    ),
    Fault(
        "reduce: a minimum starts from zero", "padding value", REDUCE,
        '        if dtype.is_floating():\n            return float("inf")',
        "        if dtype.is_floating():\n            return 0.0",
        f"{SUMS} -k against_float64",
    ),
    Fault(
        "reduce: NaN loses", "special value", REDUCE,
        'return tl.where(any_nan != 0, float("nan"), best) if tile.dtype.is_floating() else best',
        "return best",
        f"{SUMS} -k nan_wins",
    ),
    Fault(
        "reduce: the last of equals", "special value", REDUCE,
        "        better = x > best\n", "        better = x >= best\n",
        f"{SUMS} -k first_of_equals",
    ),
    Fault(
        "reduce: means are not divided", "reduction", REDUCE,
        "    if DIVIDED:\n", "    if False:\n",
        f"{SUMS} tests/test_ops.py -k 'against_float64 or (kernel_matches_twin and mean_cuda)'",
    ),
    Fault(
        "reduce: sums in the input's type", "accumulator", REDUCTION,
        "        return float64 if kind is float64 else float32\n", "        return kind\n",
        f"{SUMS} -k types_of_sums",
    ),
    Fault(
        "reduce: whole numbers in 32 bits", "accumulator", REDUCTION,
        "        return int64 if kind is int64 else int32\n    return int64",
        "        return int64 if kind is int64 else int32\n    return int32",
        f"{SUMS} -k whole_numbers",
    ),
    Fault(
        "reduce: chunks of one another's results", "stride", REDUCTION,
        "problem_1 = p if final else p._replace(kept_out=contiguous_strides(p.kept))", "problem_1 = p",
        f"{SUMS} -k against_float64",
    ),
    Fault(
        "reduce: dimensions merge where they do not meet", "stride", "kernels/tables/reduction.py",
        "return outer[1:] == tuple([stride * inner[0] for stride in inner[1:]])",
        "return outer[1] == inner[1] * inner[0]",
        f"{SUMS} -k against_float64",
    ),
    Fault(
        "variance: chunks have one centre", "precision", REDUCE,
        "tl.where(mask, m2 + mean_delta * mean_delta * counts, 0.0)", "tl.where(mask, m2, 0.0)",
        f"{SUMS} -k against_float64",
    ),
    Fault(
        "variance: of numbers far from zero", "precision", REDUCE,
        "m2 += delta * (x - mean)\n", "m2 += delta * delta\n",
        f"{SUMS} -k variance",
    ),
    Fault(
        "logsumexp: a row takes zeros beyond its end", "padding value", REDUCE,
        'tl.where(mask, x, float("-inf")), REPEATS', "tl.where(mask, x, 0.0), REPEATS",
        EXP,
    ),
    Fault(
        "elementwise: elements beyond the end", "mask", POINTWISE,
        "        mask = rest < n\n", "        mask = rest <= n\n",
        "tests/kernels/test_pointwise.py",
    ),
    Fault(
        "elementwise: rows beyond the last one", "mask", POINTWISE,
        "return index, i < shape[rank - 2], j < shape[rank - 1]",
        "return index, i <= shape[rank - 2], j < shape[rank - 1]",
        "tests/kernels/test_pointwise.py",
    ),
    Fault(
        "elementwise: masks are left out", "mask", POINTWISE,
        "(tl.program_id(0) + 1).to(tl.int64) * BLOCK_N <= n:",
        "tl.program_id(0).to(tl.int64) * BLOCK_N <= n:",
        "tests/kernels/test_pointwise.py",
    ),
    Fault(
        "elementwise: every dimension as the first", "stride", POINTWISE,
        "            offset += index[d] * strides[d]\n", "            offset += index[d] * strides[0]\n",
        "tests/kernels/test_pointwise.py -k broadcasting",
    ),
    Fault(
        "elementwise: offsets stay in 32 bits", "index width", POINTWISE,
        "INT64=reach(geometry, walk) >= 2**31", "INT64=False",
        "tests/kernels/test_pointwise.py -k large_offsets",
    ),
    Fault(
        "elementwise: numbers as float32", "precision", POINTWISE,
        "return _bits(_pack(value))[0] if floating",
        "return _bits(_pack(float(np.float32(value))))[0] if floating",
        "tests/kernels/test_pointwise.py -k digits",
    ),
    Fault(
        "strided: extents in the wrong order", "stride", STRIDED,
        "        offset += (position % extent) * strides[rank - 1 - k]\n",
        "        offset += (position % extent) * strides[k]\n",
        f"{SUMS} tests/test_ops.py -k 'strided or (noncontiguous and cumsum_cuda)'",
    ),
    Fault(
        "strided: dimensions merge against their order", "stride", STRIDED,
        "before == s * extent for before", "before * extent == s for before",
        "tests/kernels/test_edge_layouts.py -k merge",
    ),
    Fault(
        "launch: nothing needs 64 bits", "index width", LAUNCH,
        "return any(b is not None and extent(b) >= 2**31 for b in buffers)", "return False",
        f"{WIDE} the_host",
    ),
    Fault(
        "launch: negative strides reach backwards", "index width", LAUNCH,
        "reach += (size - 1) * abs(stride)", "reach += (size - 1) * stride",
        "tests/kernels/test_launch.py -k extent",
    ),
    Fault(
        "launch: plans of one geometry for all types", "lookup", LAUNCH,
        "parts += (a.shape, a.strides, a.dtype)", "parts += (a.shape, a.strides)",
        "tests/kernels/test_launch.py -k plans",
    ),
    Fault(
        "math: expm1 cancels", "precision", MATH,
        "    y = (u - 1.0) * (x / tl.log(u))\n", "    y = u - 1.0\n",
        "tests/kernels/test_math.py",
    ),
    Fault(
        "math: log1p cancels", "precision", MATH,
        "y = tl.log(u) * (x / (u - 1.0))", "y = tl.log(u)",
        "tests/kernels/test_math.py",
    ),
    Fault(
        "math: halves away from zero", "special value", MATH,
        "copysign((x + big) - big, x), x)", "copysign(tl.floor(tl.abs(x) + 0.5), x), x)",
        "tests/kernels/test_math.py -k halves",
    ),
    Fault(
        "math: zero loses its sign", "special value", MATH,
        "        return x * -1.0\n", "        return 0.0 - x\n",
        "tests/kernels/test_math.py",
    ),
    Fault(
        "math: the larger one without NaN", "special value", MATH,
        "        return tl.maximum(x, y, propagate_nan=tl.PropagateNan.ALL)\n",
        "        return tl.maximum(x, y)\n",
        "tests/kernels/test_math.py -k special",
    ),
]  # fmt: skip

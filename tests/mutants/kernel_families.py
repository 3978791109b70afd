"""Faults in the kernels of one family each; what many share is in `kernels.py`."""

from __future__ import annotations

from mutants import Fault

PHILOX = "kernels/random/_philox.py"
GEMM = "kernels/linalg/_kernels.py"
ROWS = "kernels/normalization/_row_kernels.py"
CHANNELS = "kernels/normalization/_channel_kernels.py"
ENTROPY = "kernels/loss/_cross_entropy.py"
EMBEDDING = "kernels/embedding/_kernels.py"
POOLING = "kernels/pooling/_kernels.py"
SCAN = "kernels/scan.py"
CTC = "kernels/loss/ctc.py"
SPELLING = "tests/test_ctc.py -k"
SORT = "kernels/device/sort.py"
INDEXING = "kernels/indexing.py"
STEPS = "kernels/optimizer/_formulas.py"
SAMPLING = "kernels/resampling.py"
LONG = "tests/kernels/test_long_rows.py -k"
TWIN = "tests/test_ops.py -k"
NUMBERS = "tests/test_random.py -k"

FAULTS = [
    Fault(
        "random: another scale of the unit interval", "random numbers", PHILOX,
        "return _fold(word).to(tl.float32) * 4.6566127342e-10",
        "return _fold(word).to(tl.float32) * 4.656612873e-10",
        f"{NUMBERS} 'stream or below_one or devices'",
    ),
    Fault(
        "random: the counter's upper half", "random numbers", PHILOX,
        "return tl.philox(seed, low, (counter >> 32).to(tl.uint32), third, low * 0)",
        "return tl.philox(seed, low, low * 0, third, low * 0)",
        f"{NUMBERS} 'large_seed or stream'",
    ),
    Fault(
        "random: values in another order", "random numbers", PHILOX,
        "tl.interleave(tl.interleave(values[0], values[2]), tl.interleave(values[1], values[3]))",
        "tl.interleave(tl.interleave(values[0], values[1]), tl.interleave(values[2], values[3]))",
        f"{NUMBERS} 'every_device'",
    ),
    Fault(
        "random: sine and cosine", "random numbers", PHILOX,
        "radius * tl.cos(angle) * std + mean, radius * tl.sin(angle) * std + mean",
        "radius * tl.sin(angle) * std + mean, radius * tl.cos(angle) * std + mean",
        f"{NUMBERS} 'every_device'",
    ),
    Fault(
        "random: a replay draws the capture's numbers", "generator state", PHILOX,
        "        first = first + tl.load(state + 1)\n", "",
        "tests/test_cuda_streams.py -k 'random_numbers or generators'",
    ),
    Fault(
        "matmul: the inner dimension is not masked", "mask", GEMM,
        "a = tl.load(a_ptrs, mask=mask_m & mask_k[None, :], other=0.0)",
        "a = tl.load(a_ptrs, mask=mask_m, other=0.0)",
        "tests/kernels/test_linalg.py -k 'products or layouts'",
    ),
    Fault(
        "matmul: accumulates in the result's type", "accumulator", "kernels/linalg/_plan.py",
        "    acc = float64 if out.dtype is float64 else float32\n", "    acc = out.dtype\n",
        "tests/kernels/test_linalg.py -k 'products or split'",
    ),
    Fault(
        "matmul: strides of rows and columns", "stride", GEMM,
        "b_base + offs_k[:, None] * stride_bk + offs_n[None, :] * stride_bn",
        "b_base + offs_k[:, None] * stride_bn + offs_n[None, :] * stride_bk",
        "tests/kernels/test_linalg.py -k 'products or layouts'",
    ),
    Fault(
        "matmul: beta is left out", "formula", GEMM,
        "            addend *= beta.to(acc.dtype)\n", "            pass\n",
        f"{TWIN} 'kernel_matches_twin and (addmm or baddbmm)'",
    ),
    Fault(
        "matmul: one part of a split sum", "formula", GEMM,
        "        partial_ptrs += stride_split\n", "",
        "tests/kernels/test_linalg.py -k split",
    ),
    Fault(
        "matmul: tiles beyond the last group", "index", GEMM,
        "    group_size_m = tl.minimum(num_pid_m - first_pid_m, GROUP)\n", "    group_size_m = GROUP\n",
        "tests/kernels/test_linalg.py -k 'products or layouts or persistent'",
    ),
    Fault(
        "layer norm: the mean over the tile", "normalisation", ROWS,
        "            x = tl.where(mask, x - mean[:, None], 0.0)\n        rstd",
        "            x = x - mean[:, None]\n        rstd",
        f"{TWIN} 'kernel_matches_twin and layer_norm'",
    ),
    Fault(
        "layer norm: eps outside of the root", "eps", ROWS,
        "rstd = 1.0 / _math.sqrt(tl.sum(x * x, axis=1) / n + eps.to(ACC))",
        "rstd = 1.0 / (_math.sqrt(tl.sum(x * x, axis=1) / n) + eps.to(ACC))",
        f"{TWIN} 'kernel_matches_twin and (layer_norm or rms_norm)'",
    ),
    Fault(
        "layer norm: the gradient's mean", "derivative", ROWS,
        "                dx = dx - (tl.sum(dy, axis=1) * scale)[:, None]\n", "                pass\n",
        f"{TWIN} 'grad_on_kernel and layer_norm'",
    ),
    Fault(
        "batch norm: running variance of the biased kind", "normalisation", CHANNELS,
        "unbiased_var = var_sum / (n - 1.0)", "unbiased_var = var_sum / n",
        "tests/test_normalization.py -k running",
    ),
    Fault(
        "batch norm: momentum the other way round", "normalisation", CHANNELS,
        "old * (1.0 - weight) + mean * weight", "old * weight + mean * (1.0 - weight)",
        "tests/test_normalization.py -k running",
    ),
    Fault(
        "batch norm: parts have one centre", "precision", CHANNELS,
        "tl.where(mask_2d, m2 + delta * delta * counts, 0.0)", "tl.where(mask_2d, m2, 0.0)",
        "tests/test_normalization.py tests/kernels/test_long_rows.py -k 'shared or normalisation or "
        "large_mean'",
    ),
    Fault(
        "cross entropy: ignored samples count", "mask", ENTROPY,
        "    counted = mask & (y != ignore_index)\n", "    counted = mask\n",
        "tests/test_cross_entropy_kernel.py tests/test_losses.py -k 'ignored'",
    ),
    Fault(
        "cross entropy: an infinite score has a finite loss", "special value", ENTROPY,
        'sumexp = tl.where(m == float("inf"), float("nan"), sumexp)', "sumexp = sumexp",
        "tests/kernels/test_exponentials.py -k cross_entropy",
    ),
    Fault(
        "cross entropy: the class itself is not subtracted", "derivative", ENTROPY,
        "    dx = tl.where(cols == y.to(cols.dtype), dx - target_term, dx)\n", "",
        "tests/test_cross_entropy_kernel.py -k gradient",
    ),
    Fault(
        "embedding: padding rows get a gradient", "gradient flow", EMBEDDING,
        "(row < n_rows) & (row != padding_idx), embedding_dim, 0)", "(row < n_rows), embedding_dim, 0)",
        "tests/test_embedding.py -k padding_row",
    ),
    Fault(
        "embedding: rows out of range", "mask", EMBEDDING,
        "    valid = mask_i & (row >= 0) & (row < n_rows)\n"
        "    report(flag_ptr, offs_i, mask_i & ~valid)\n    mask_d",
        "    valid = mask_i\n    report(flag_ptr, offs_i, mask_i & ~valid)\n    mask_d",
        "tests/test_embedding.py -k out_of_range",
    ),
    Fault(
        "embedding: a run that goes on is finished", "index", EMBEDDING,
        "    continues = chunk_end < n_indices\n", "    continues = chunk_end < 0\n",
        "tests/test_embedding.py tests/kernels/test_order.py -k 'equal_indices or long_runs or "
        "same_every_time'",
    ),
    Fault(
        "max pool: padding counts as zero", "padding value", POOLING,
        "    return in_bounds & ((value > best) | (value != value) | (has_value == 0))\n",
        "    return (value > best) | (value != value) | (has_value == 0)\n",
        f"tests/test_pooling.py {TWIN} 'scan_decides or (kernel_matches_twin and max_pool)'",
    ),
    Fault(
        "average pool: padding is counted anyway", "reduction", POOLING,
        "        low, high = tl.maximum(low, 0), tl.minimum(high, size)\n", "        pass\n",
        f"tests/test_pooling.py {TWIN} 'count_what_they or (kernel_matches_twin and avg_pool)'",
    ),
    Fault(
        "pooling: windows one row high with 64-bit offsets", "index width", POOLING,
        "wide(h, INT64) * strides[3]", "(wide(h, INT64) * 0 if INT64 else h * strides[3])",
        "tests/test_pooling.py -k wide_offsets",
    ),
    Fault(
        "scan: a chunk forgets the ones before", "formula", SCAN,
        "            carry = _combine(carry, _total(x, KIND), KIND)\n",
        "            carry = _total(x, KIND)\n",
        f"{LONG} scans",
    ),
    Fault(
        "scan: the first of equals", "special value", SCAN,
        "take = ((b >= a) | (b != b)) & (j >= 0)", "take = ((b > a) | (b != b)) & (j >= 0)",
        f"tests/kernels/test_order.py {TWIN} 'cummax'",
    ),
    Fault(
        "sort: -0.0 before 0.0", "special value", SORT,
        "            bits = (y + 0.0).to(tl.int32, bitcast=True)",
        "            bits = y.to(tl.int32, bitcast=True)",
        "tests/kernels/test_order.py tests/test_ops.py tests/test_indexing.py -k 'sort'",
    ),
    Fault(
        "sort: runs that are merged overwrite each other", "index", SORT,
        "(col - own_start) + (low - other_begin)\n", "(col - own_start)\n",
        "tests/kernels/test_order.py -k merging",
    ),
    Fault(
        "gather: negative indices", "index", INDEXING,
        "        j = tl.where(j < 0, j + sizes[k], j)\n", "",
        "tests/test_indexing.py -k read",
    ),
    Fault(
        "triangles: one diagonal further", "index", INDEXING,
        "keep = (column - row <= diagonal) if LOWER", "keep = (column - row < diagonal) if LOWER",
        f"{TWIN} 'kernel_matches_twin and tril'",
    ),
    Fault(
        "optimizer kernel: adam without correction", "bias correction", STEPS,
        "    rate = lr / (1 - _power(beta1, step)) * root\n    p -=", "    rate = lr * root\n    p -=",
        "tests/test_optim_values.py -k bias",
    ),
    Fault(
        "optimizer kernel: adam's eps", "eps", STEPS,
        "(tl.sqrt(largest) + (eps * root).to(p.dtype))", "(tl.sqrt(largest) + eps.to(p.dtype))",
        "tests/test_optim_values.py tests/test_optim.py -k 'bias or (on_the_gpu and Adam)'",
    ),
    Fault(
        "sampling: folded at the wrong edge", "index", SAMPLING,
        "low = 0.0 if ALIGN else -0.5",
        "low = 0.0",
        "tests/test_grid_sample.py -k folded",
    ),
    Fault(
        "sampling: the slope of what is folded back", "derivative", SAMPLING,
        "slope = tl.where(even == (c >= low), 1.0, -1.0).to(c.dtype)",
        "slope = c * 0 + 1.0",
        "tests/test_grid_sample.py -k folded",
    ),
    Fault(
        "sampling: NaN as a place inside", "special value", SAMPLING,
        "c = tl.where(tl.abs(c) < 2147483648.0, c, -100.0).to(c.dtype)",
        "c = tl.where(tl.abs(c) > 2147483648.0, -100.0, c).to(c.dtype)",
        "tests/test_grid_sample.py -k 'cuda and bilinear'",
    ),
    Fault(
        "ctc: a blank between equal labels is skipped", "formula", CTC,
        "skips = spells & (s > 1) & (label != other)",
        "skips = spells & (s > 1)", f"{SPELLING} 'behind and cuda'",
    ),
    Fault(
        "ctc: the end of a shorter input", "mask", CTC,
        "reach = tl.where(t < frames, end + 1, 0)", "reach = end + 1", f"{SPELLING} 'beyond and cuda'",
    ),
    Fault(
        "ctc: frames beyond the input have a gradient", "mask", CTC,
        "slope = tl.where(t < frames, slope, 0.0)", "slope = slope + 0.0", f"{SPELLING} 'beyond and cuda'",
    ),
    Fault(
        "ctc: the probability of a frame counted twice", "derivative", CTC,
        "part = _math.exp(a + b - x + nll)", "part = _math.exp(a + b + nll)", f"{SPELLING} 'behind and cuda'",
    ),
    Fault(
        "ctc: zero_infinity in backward", "special value", CTC,
        "frames = tl.where(nll == INF, 0, frames)", "frames = frames + 0", f"{SPELLING} 'cannot and cuda'",
    ),
    Fault(
        "ctc: states of the second block", "index", CTC,
        "        s = start + tl.arange(0, BLOCK_S)\n        label", "        s = tl.arange(0, BLOCK_S)\n        label",
        f"{SPELLING} more_states",
    ),
    Fault(
        "ctc: labels from the end", "index", CTC,
        "        number = count - 1 - number\n", "        number = count - number\n", f"{SPELLING} 'behind and cuda'",
    ),
]  # fmt: skip

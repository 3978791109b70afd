"""Faults in the kernels of attention and of convolution."""

from __future__ import annotations

from mutants import Fault

ATTENTION = "kernels/attention/_walk.py"
ATTENTION_CALL = "kernels/attention/_forward_call.py"
ATTENTION_DECODE = "kernels/attention/_decode.py"
ATTENTION_GRADIENT = "kernels/attention/_backward.py"
ATTENTION_GRADIENT_TESTS = "tests/kernels/test_attention_backward.py -k"
CONVOLUTION = "kernels/convolution/_correlate.py"
PATCHES = "kernels/convolution/_patches.py"
EPILOGUE_OF_CONVOLUTION = "kernels/convolution/_epilogue.py"
WEIGHT_GRADIENT = "kernels/convolution/_weight.py"
WEIGHT_ROADS = "kernels/convolution/_weight_plan.py"
DEPTHWISE = "kernels/convolution/_depthwise.py"
CONVOLUTION_BORDER = "kernels/convolution/_common.py"
TWIN = "tests/test_ops.py -k"

FAULTS = [
    Fault(
        "attention: sums are not faded",
        "rescale",
        ATTENTION,
        "l_i = l_i * alpha + tl.sum(p, axis=1)",
        "l_i = l_i + tl.sum(p, axis=1)",
        "tests/test_attention.py -k causal_sees",
    ),
    Fault(
        "attention: values are not faded",
        "rescale",
        ATTENTION,
        "        acc = acc * alpha[:, None]\n",
        "",
        "tests/test_attention.py -k causal_sees",
    ),
    Fault(
        "attention: the diagonal is hidden",
        "mask",
        ATTENTION,
        "offs_n[None, :] <= (offs_m + ahead)[:, None]",
        "offs_n[None, :] < (offs_m + ahead)[:, None]",
        "tests/test_attention.py -k causal",
    ),
    Fault(
        "attention: keys beyond the last one",
        "padding value",
        ATTENTION,
        "seen = (offs_n < keys)[None, :]",
        "seen = (offs_n >= 0)[None, :]",
        f"{TWIN} 'kernel_matches_twin and attention'",
    ),
    Fault(
        "attention: the factor of negative scales is folded",
        "special value",
        ATTENTION_CALL,
        "FOLD=mask != 2 and (options.softcap > 0 or self.scale > 0)",
        "FOLD=mask != 2",
        "tests/kernels/test_attention_forward.py -k turn_the_order",
    ),
    Fault(
        "attention: a window is a key too wide",
        "mask",
        ATTENTION,
        "offs_n[None, :] >= (offs_m - behind)[:, None]",
        "offs_n[None, :] >= (offs_m - behind - 1)[:, None]",
        "tests/kernels/test_attention_forward.py -k windows",
    ),
    Fault(
        "attention: the NaN of another sequence's values",
        "padding value",
        ATTENTION,
        "            value = tl.where((offs_n < sizes[1])[:, None], value, 0.0)\n",
        "            pass\n",
        "tests/kernels/test_attention_forward.py -k packed",
    ),
    Fault(
        "attention: parts are merged without their weights",
        "rescale",
        ATTENTION_DECODE,
        "acc += weight * tl.load",
        "acc += tl.load",
        "tests/kernels/test_attention_forward.py -k parts_of_the_keys",
    ),
    Fault(
        "attention gradient: what is not seen",
        "mask",
        ATTENTION_GRADIENT,
        "        p = tl.where(seen, p, 0.0)\n",
        "        pass\n",
        f"{ATTENTION_GRADIENT_TESTS} diagonal",
    ),
    Fault(
        "attention gradient: keys beyond the last one",
        "padding value",
        ATTENTION_GRADIENT,
        "seen = (offs_n < seqlen_k) & (offs_m < seqlen_q)",
        "seen = (offs_m < seqlen_q) & (offs_m == offs_m)",
        f"{ATTENTION_GRADIENT_TESTS} very_negative",
    ),
    Fault(
        "attention gradient: packed sequences end together",
        "index",
        ATTENTION_GRADIENT,
        "shift = seqlen_k - seqlen_q if PACKED else 0",
        "shift = 0 if PACKED else 0",
        f"{ATTENTION_GRADIENT_TESTS} packed",
    ),
    Fault(
        "attention gradient: rows without keys",
        "special value",
        ATTENTION_GRADIENT,
        "tl.where(lse == MINUS_INFINITY, -MINUS_INFINITY, lse * LOG2E)",
        "lse * LOG2E",
        f"{ATTENTION_GRADIENT_TESTS} masks_and",
    ),
    Fault(
        "attention gradient: whole tiles begin too early",
        "index",
        ATTENTION_GRADIENT,
        "whole = tl.cdiv(tl.maximum(start + (BLOCK - 1) + lowest, 0), STEP) * STEP",
        "whole = tl.maximum(start + (BLOCK - 1) + lowest, 0) // STEP * STEP",
        f"{ATTENTION_GRADIENT_TESTS} 'diagonal or windows'",
    ),
    Fault(
        "attention gradient: cap without its slope",
        "derivative",
        ATTENTION_GRADIENT,
        "        ds = ds * slope\n",
        "        pass\n",
        f"{ATTENTION_GRADIENT_TESTS} capped",
    ),
    Fault(
        "convolution: a wrap around the edge",
        "mask",
        CONVOLUTION_BORDER,
        "(h < sizes[1]) & (w >= 0) & (w < sizes[2])",
        "(h < sizes[1]) & (w < sizes[2])",
        "tests/test_convolution_roads.py -k addresses_compute",
    ),
    Fault(
        "convolution: a wrap around the edge, of few channels",
        "mask",
        CONVOLUTION,
        "& (column >= 0) & (column < x_sizes[2])",
        "& (column < x_sizes[2])",
        f"{TWIN} 'kernel_matches_twin and convolution_cuda'",
    ),
    Fault(
        "convolution: dilation of the other dimension",
        "stride",
        CONVOLUTION,
        "d, h, w = kd * dilation[0], kh * dilation[1], kw * dilation[2]\n        a_offsets",
        "d, h, w = kd * dilation[0], kh * dilation[2], kw * dilation[1]\n        a_offsets",
        "tests/test_convolution.py tests/test_ops.py -k 'every_layout or (kernel_matches_twin and conv2d)'",
    ),
    Fault(
        "convolution: dilation of the other dimension, tap by tap",
        "stride",
        CONVOLUTION,
        "d, h, w = kd * dilation[0], kh * dilation[1], kw * dilation[2]\n        # the same",
        "d, h, w = kd * dilation[0], kh * dilation[2], kw * dilation[1]\n        # the same",
        "tests/test_convolution.py -k dimensions_apart",
    ),
    Fault(
        "convolution: a tap that is another's bit",
        "mask",
        CONVOLUTION,
        "        tap = tl.where(is_next, tap + 1, tap)\n        kd, kh, kw =",
        "        kd, kh, kw =",
        "tests/test_convolution_roads.py -k addresses_compute",
    ),
    Fault(
        "convolution: taps of the gradient not turned around",
        "index",
        PATCHES,
        "        if TURNED:\n",
        "        if False:\n",
        "tests/test_convolution_roads.py -k patches_compute",
    ),
    Fault(
        "convolution: padding one position too far",
        "index",
        PATCHES,
        "w_desc, i, od + start[0], oh + start[1], ow + start[2]",
        "w_desc, i, od + start[0], oh + start[1], ow",
        "tests/test_convolution_roads.py -k patches_compute",
    ),
    Fault(
        "convolution: a residual without its factor",
        "formula",
        EPILOGUE_OF_CONVOLUTION,
        "acc += alpha.to(acc.dtype) * tl.load(ptrs",
        "acc += tl.load(ptrs",
        f"{TWIN} 'kernel_matches_twin and convolution_relu_cuda'",
    ),
    Fault(
        "convolution: 64-bit offsets of the first group",
        "index width",
        CONVOLUTION,
        "offs_m.to(tl.int64), offs_n.to(tl.int64), group.to(tl.int64)",
        "offs_m.to(tl.int64), offs_n.to(tl.int64), group.to(tl.int64) * 0",
        "tests/test_convolution.py -k wide_offsets",
    ),
    Fault(
        "weight gradient: the first images again",
        "index",
        WEIGHT_GRADIENT,
        "tl.where(image_ends, i + IMAGES, i)",
        "tl.where(image_ends, i, i)",
        "tests/test_convolution_weight.py -k 'every_road and edges'",
    ),
    Fault(
        "weight gradient: the part before",
        "index",
        WEIGHT_GRADIENT,
        "tl.minimum(each, total - split * each)",
        "each",
        "tests/test_convolution_weight.py -k 'add_up'",
    ),
    Fault(
        "weight gradient: inputs that no output meets",
        "mask",
        WEIGHT_ROADS,
        "any(n + phase[k].begin < x.shape[2 + k]",
        "any(n + phase[k].begin < 0",
        "tests/test_convolution_weight.py -k infinite",
    ),
    Fault(
        "weight gradient: taps of another phase",
        "stride",
        WEIGHT_ROADS,
        "offset += axis.phase * strides[dim]",
        "offset += 0 * strides[dim]",
        "tests/test_convolution_weight.py -k 'every_road and stride'",
    ),
    Fault(
        "depthwise: rows that do not meet",
        "stride",
        DEPTHWISE,
        "x_column = x_tile + (x_at + wide(kw * dilation[2], INT64) * x_w)",
        "x_column = x_tile + (x_at + wide(kw * DILATION, INT64) * x_w)",
        "tests/test_convolution_weight.py -k 'every_road and depthwise'",
    ),
    Fault(
        "depthwise: the bias of another channel",
        "index",
        DEPTHWISE,
        "bias_ptr + c * stride_bias",
        "bias_ptr + c * 0 * stride_bias",
        "tests/test_convolution_weight.py -k 'is_the_grouped'",
    ),
]

"""Faults in the entries: rules, derivatives, composites."""

from __future__ import annotations

from mutants import Fault

SOFTMAX = "tritonnn/ops/softmax.py"
REDUCTION = "tritonnn/ops/reduction/reduction.py"
NORMS = "tritonnn/ops/reduction/norms.py"
EXTREMES = "tritonnn/ops/reduction/extremes.py"
SCAN = "tritonnn/ops/scan/scan.py"
LOSS = "tritonnn/ops/loss/loss.py"
CLASSES = "tritonnn/ops/loss/cross_entropy.py"
BINARY = "tritonnn/ops/loss/binary.py"
CONVOLUTION = "tritonnn/ops/convolution/convolution.py"
CHECKS = "tritonnn/ops/convolution/_checks.py"
POOLING = "tritonnn/ops/pooling/_checks.py"
SLOPES = "tritonnn/ops/activation/backward.py"
ACTIVATION = "tritonnn/ops/activation/activation.py"
ELEMENTWISE = "tritonnn/ops/elementwise/elementwise.py"
ARITHMETIC = "tritonnn/ops/elementwise/arithmetic.py"
COMPARISON = "tritonnn/ops/elementwise/comparison.py"
SPECIAL = "tritonnn/ops/elementwise/special.py"
SCATTER = "tritonnn/ops/scatter/scatter.py"
WRITES = "tritonnn/ops/scatter/index_write.py"
AFFINE = "tritonnn/ops/linalg/affine.py"
DROPOUT = "tritonnn/ops/random/dropout.py"
BATCH = "tritonnn/ops/normalization/batch_norm.py"
GRAD = "tests/test_ops.py -k 'test_grad and"
AGAIN = "tests/test_ops.py -k 'grad_of_grad and"
ERRORS = "tests/test_ops.py -k 'test_errors and"
DEFINED = "tests/test_definitions.py -k 'test_definition and"
FUNCTIONAL = "tests/test_engine_functional.py -k"

FAULTS = [
    Fault(
        "tanh: the second derivative's factor", "derivative", ELEMENTWISE,
        "conjugate(-2 * output)", "conjugate(-output)",
        f"{AGAIN} tanh'",
    ),
    Fault(
        "sigmoid: the second derivative's factor", "derivative", ELEMENTWISE,
        "conjugate(1 - 2 * output)", "conjugate(1 - output)",
        f"{AGAIN} sigmoid'",
    ),
    Fault(
        "tanh: the slope", "derivative", "cpu_fallback/elementwise/elementwise.py",
        "    np.subtract(1, slope, out=slope)\n    np.multiply(grad, slope, out=out)\n\n\nsigmoid",
        "    np.subtract(1, 2 * slope, out=slope)\n    np.multiply(grad, slope, out=out)\n\n\nsigmoid",
        f"{GRAD} tanh'",
    ),
    Fault(
        "acos: the slope's sign", "derivative", ELEMENTWISE,
        "grad=lambda g, input: g * -conjugate(rsqrt(1 - input * input))",
        "grad=lambda g, input: g * conjugate(rsqrt(1 - input * input))",
        f"{GRAD} acos'",
    ),
    Fault(
        "erf: the slope's constant", "derivative", SPECIAL,
        "g * (exp(-input * input) * _TWO_OVER_SQRT_PI)", "g * exp(-input * input)",
        f"{GRAD} erf_'",
    ),
    Fault(
        "mul: the other operand's gradient", "derivative", ARITHMETIC,
        '"input": lambda g, other: g * conjugate(other), "other": lambda g, input: g * conjugate(input)',
        '"input": lambda g, other: g * other, "other": lambda g, input: g * input',
        "tests/test_complex_gradients.py -k mul",
    ),
    Fault(
        "sub: the other operand's sign", "derivative", ARITHMETIC,
        '"input": lambda g: g, "other": lambda g, alpha: -scaled(g, alpha)',
        '"input": lambda g: g, "other": lambda g, alpha: scaled(g, alpha)',
        f"{GRAD} sub'",
    ),
    Fault(
        "div: the other operand's gradient", "derivative", ARITHMETIC,
        "g * -conjugate(quotient(quotient(input, other), other))", "g * -conjugate(quotient(input, other))",
        f"{GRAD} div'",
    ),
    Fault(
        "maximum: equals share nothing", "derivative", COMPARISON,
        "ew.choose(mine == theirs, g / 2, g)", "g",
        "tests/test_special_gradients.py -k special",
    ),
    Fault(
        "elu: the curvature", "derivative", SLOPES,
        "(alpha * scale * input_scale * input_scale)", "(alpha * scale * input_scale)",
        f"{AGAIN} (elu or celu)'",
    ),
    Fault(
        "gelu: the curvature", "derivative", SLOPES,
        "(2 - square) / math.sqrt", "(1 - square) / math.sqrt",
        f"{AGAIN} gelu'",
    ),
    Fault(
        "silu: the curvature", "derivative", SLOPES,
        "(2 + input * (1 - 2 * s))", "(1 + input * (1 - 2 * s))",
        f"{AGAIN} silu'",
    ),
    Fault(
        "softplus: beta of the curvature", "derivative", SLOPES,
        "s * (1 - s) * beta, cp", "s * (1 - s), cp",
        f"{AGAIN} softplus'",
    ),
    Fault(
        "celu: the inner scale", "derivative", ACTIVATION,
        "elu_backward(g, input, alpha, 1.0, 1.0 / alpha)", "elu_backward(g, input, alpha, 1.0, 1.0)",
        f"{GRAD} celu'",
    ),
    Fault(
        "mean: its gradient is that of the sum", "derivative", REDUCTION,
        "input_shape, dim, keepdim) / (_count(input_shape, dim) or 1)", "input_shape, dim, keepdim)",
        f"{GRAD} mean'",
    ),
    Fault(
        "var: the gradient's correction", "derivative", REDUCTION,
        "scale = 2.0 / (_count(input.shape, dims) - correction or math.nan)",
        "scale = 2.0 / (_count(input.shape, dims) or math.nan)",
        f"{GRAD} var_dims'",
    ),
    Fault(
        "var: the correction's default", "default", REDUCTION,
        "= 1 if unbiased is None else int(unbiased)", "= 0 if unbiased is None else int(unbiased)",
        f"{DEFINED} (var or std)'",
    ),
    Fault(
        "sum: short integers stay short", "dtype rule", REDUCTION,
        "return dtypes.int64 if own.kind < 2 else own", "return own",
        "tests/test_engine_dtypes.py tests/kernels/test_reduction.py tests/test_definitions.py"
        " -k 'sums or default_leaves or (test_definition and sum)'",
    ),
    Fault(
        "mean: integers pass", "dtype rule", REDUCTION,
        "    if input.dtype.kind < 2:\n        raise Invalid(\n            f\"could not infer output dtype.",
        "    if False:\n        raise Invalid(\n            f\"could not infer output dtype.",
        f"{ERRORS} mean'",
    ),
    Fault(
        "prod: the gradient where an element is zero", "derivative", REDUCTION,
        "others = (before * after)", "others = (moved.prod(-1, True) / moved)",
        "tests/test_special_gradients.py -k special",
    ),
    Fault(
        "amax: ties are not shared", "derivative", EXTREMES,
        "choose(ties, over_count(g, sum(ties, dims, True)), 0.0)", "choose(ties, g, 0.0)",
        "tests/test_special_gradients.py -k special",
    ),
    Fault(
        "norm: zero has a gradient", "special value", NORMS,
        "    norm = norm.masked_fill(vanishing, 1)\n", "",
        "tests/test_special_gradients.py -k special",
    ),
    Fault(
        "std: a constant has no slope", "special value", REDUCTION,
        "    return total.masked_fill(zero, 1).sqrt().masked_fill(zero, 0)\n", "    return total.sqrt()\n",
        "tests/test_special_gradients.py -k special",
    ),
    Fault(
        "norm: the power of its gradient", "derivative", NORMS,
        "share ** (p - 1)", "share ** p",
        f"{GRAD} norm'",
    ),
    Fault(
        "nanmean: the number of all elements", "reduction", NORMS,
        "sum((input == input).to(wide), dim, keepdim)",
        "sum((input == input).to(wide) * 0 + 1, dim, keepdim)",
        f"{DEFINED} nanmean'",
    ),
    Fault(
        "cumsum: the gradient of what came before", "derivative", SCAN,
        "return flip(cumsum(flip(g, (dim,)), dim), (dim,)) if g.shape else g",
        "return cumsum(g, dim) if g.shape else g",
        f"{GRAD} cumsum'",
    ),
    Fault(
        "softmax: its second derivative", "derivative", SOFTMAX,
        "          - grad * (g * result).sum(dim, True)},", "         },",
        f"{AGAIN} softmax'",
    ),
    Fault(
        "gumbel noise of the other sign", "random numbers", SOFTMAX,
        "noise = -logits.new_empty", "noise = logits.new_empty",
        f"{FUNCTIONAL} gumbel",
    ),
    Fault(
        "hard gumbel has no gradient", "gradient flow", SOFTMAX,
        "return one_hot - soft.detach() + soft", "return one_hot",
        f"{FUNCTIONAL} gumbel",
    ),
    Fault(
        "softmax without a dimension", "default", SOFTMAX,
        "return 0 if ndim in (0, 1, 3) else 1", "return ndim - 1 if ndim else 0",
        "tests/test_softmax.py -k implicit",
    ),
    Fault(
        "softmax casts after it computed", "precision", SOFTMAX,
        "    input = _in_dtype(input, dtype)\n"
        "    return softmax(input, dim) if out is None else softmax(input, dim, out=out)",
        "    result = softmax(input, dim) if out is None else softmax(input, dim, out=out)\n"
        "    return _in_dtype(result, dtype)",
        "tests/test_softmax.py -k casts",
    ),
    Fault(
        "weighted losses divide by the count", "reduction", LOSS,
        "return loss.sum() / weight.sum()", "return loss.mean()",
        f"{FUNCTIONAL} divide_by_the_weights",
    ),
    Fault(
        "mse: half its gradient", "derivative", LOSS,
        "(share_of(g, x.shape, reduction) * 2)", "share_of(g, x.shape, reduction)",
        f"{GRAD} mse_reduced'",
    ),
    Fault(
        "losses: a mean's gradient is that of the sum", "derivative", LOSS,
        'return g / max(numel(shape), 1) if reduction == "mean" else g', "return g",
        f"{GRAD} (mse_reduced or l1_reduced)'",
    ),
    Fault(
        "smooth loss: the slope within beta", "derivative", LOSS,
        "g, input, target, reduction, beta, 1 / (beta or 1))", "g, input, target, reduction, beta, 1)",
        f"{GRAD} smooth_l1_reduced'",
    ),
    Fault(
        "losses: older arguments are ignored", "default", LOSS,
        '"none" if reduce is False else "sum" if size_average is False else "mean"', '"mean"',
        "tests/test_losses.py tests/test_nn_loss.py -k older",
    ),
    Fault(
        "cross entropy: smoothing of the curvature", "derivative", CLASSES,
        "scale = counted * ((1 - label_smoothing) * picked + smooth)", "scale = counted * picked",
        f"{AGAIN} cross_entropy'",
    ),
    Fault(
        "cross entropy: probabilities are averaged over all", "reduction", CLASSES,
        "return total / (numel(_per_sample(input)) if classes",
        "return total / (numel(input.shape) if classes",
        f"{FUNCTIONAL} probabilities",
    ),
    Fault(
        "cross entropy: smoothing beyond one", "argument check", CLASSES,
        "    if not 0.0 <= label_smoothing <= 1.0:\n", "    if label_smoothing < 0:\n",
        f"{ERRORS} cross_entropy'",
    ),
    Fault(
        "cross entropy: batches of another size", "shape rule", CLASSES,
        "if rank > 1 and labels and scores[0] != labels[0]:", "if False:",
        f"{ERRORS} (cross_entropy or nll_loss)'",
    ),
    Fault(
        "kl_div: batchmean divides by all", "reduction", CLASSES,
        "result / input.shape[0] if batchmean", "result / input.numel() if batchmean",
        f"{DEFINED} kl_div'",
    ),
    Fault(
        "binary cross entropy: a target's gradient", "derivative", BINARY,
        "((1 - x).log() - x.log())",
        "((1 - x).log() + x.log())",
        f"{GRAD} bce_reduced'",
    ),
    Fault(
        "convolution: same padding on the other side", "shape rule", CONVOLUTION,
        "(0, total % 2)]", "(total % 2, 0)]",
        f"{FUNCTIONAL} same_padding",
    ),
    Fault(
        "convolution: bias gradient over one image", "derivative", CONVOLUTION,
        "g.sum((0, *range(2, len(g.shape))))", "g.mean((0, *range(2, len(g.shape))))",
        f"{GRAD} convolution'",
    ),
    Fault(
        "convolution: rest of the stride", "derivative", CONVOLUTION,
        "    extra = tuple([size - low for size, low in zip(sizes, least)])\n", "    extra = none\n",
        "tests/test_ops.py tests/test_convolution.py -k '(test_grad and conv2d) or output_padding'",
    ),
    Fault(
        "convolution: channels that do not fit", "shape rule", CHECKS,
        "    if input.shape[1] != channels:\n", "    if False:\n",
        f"{ERRORS} conv2d'",
    ),
    Fault(
        "convolution: size of a transposed one", "shape rule", CHECKS,
        "return (size - 1) * stride - 2 * padding + dilation * (kernel - 1) + 1 + extra",
        "return (size - 1) * stride - 2 * padding + kernel + extra",
        f"{DEFINED} conv_transpose'",
    ),
    Fault(
        "pooling: padding beyond half of the window", "shape rule", POOLING,
        "        if p > k // 2:  # whatever the dilation\n", "        if False:\n",
        f"{ERRORS} (max_pool2d or avg_pool2d)'",
    ),
    Fault(
        "pooling: the stride's default", "default", POOLING,
        "step = kernel if stride is None or stride == () else",
        "step = (1,) * n if stride is None or stride == () else",
        f"{DEFINED} (max_pool2d or avg_pool2d)'",
    ),
    Fault(
        "embedding: padding_idx from the end", "index", "tritonnn/ops/embedding.py",
        "return padding_idx + rows if padding_idx < 0 else padding_idx", "return padding_idx",
        "tests/test_embedding.py tests/test_nn_layers.py -k 'padding or embedding'",
    ),
    Fault(
        "scatter_reduce: the mean counts the input", "reduction", SCATTER,
        "n = (result.new_ones if include_self else result.new_zeros)(result.shape, dtype=counted)",
        "n = result.new_ones(result.shape, dtype=counted)",
        f"{GRAD} scatter_reduce'",
    ),
    Fault(
        "scatter_reduce: an unknown reduction", "argument check", SCATTER,
        'if reduce not in ("sum", "prod", "mean", "amax", "amin"):', "if False:",
        f"{ERRORS} scatter_reduce'",
    ),
    Fault(
        "index_fill: what was there has a gradient", "gradient flow", WRITES,
        '"input": lambda g, dim, index: index_fill(g, dim, index, 0),\n          "value"',
        '"input": lambda g, dim, index: g,\n          "value"',
        f"{GRAD} index_fill'",
    ),
    Fault(
        "masked_fill: what was there has a gradient", "gradient flow", WRITES,
        '"input": lambda g, mask: masked_fill(g, mask, 0),\n          "value"',
        '"input": lambda g, mask: g,\n          "value"',
        f"{GRAD} masked_fill'",
    ),
    Fault(
        "addmm: alpha of its gradient", "derivative", AFFINE,
        '"mat1": lambda g, mat2, alpha: _times(matmul_nd(g, _adjoint(mat2)), alpha)',
        '"mat1": lambda g, mat2, alpha: matmul_nd(g, _adjoint(mat2))',
        f"{GRAD} addmm'",
    ),
    Fault(
        "addmm: beta of its gradient", "derivative", AFFINE,
        '"input": lambda g, beta: _times(g, beta),\n          "mat1"',
        '"input": lambda g, beta: g,\n          "mat1"',
        f"{GRAD} addmm'",
    ),
    Fault(
        "dropout: its gradient is not scaled", "dropout", DROPOUT,
        "g * mask * (0.0 if p == 1 else 1.0 / (1.0 - p))", "g * mask",
        "tests/test_dropout.py",
    ),
    Fault(
        "dropout: any probability", "argument check", DROPOUT,
        "    if not 0 <= p <= 1:\n", "    if False:\n",
        "tests/test_dropout.py tests/test_ops.py -k 'errors and dropout'",
    ),
    Fault(
        "instance norm: running variance of the biased kind", "normalisation", BATCH,
        "x.var(dims).mean(0)", "x.var(dims, False).mean(0)",
        "tests/test_normalization.py tests/test_nn_layers.py -k 'instance or remembers'",
    ),
    Fault(
        "layer norm: the statistics have no gradient",
        "derivative",
        "tritonnn/ops/normalization/normalization.py",
        "    return gx, None, leading_sum(g * normal, rank), leading_sum(g, rank), None\n",
        "    return gx.detach(), None, leading_sum(g * normal, rank), leading_sum(g, rank), None\n",
        f"{AGAIN} layer_norm'",
    ),
    Fault(
        "conjugates have no conjugate gradient", "derivative", ELEMENTWISE,
        'dtypes=ANY, grad={"input": lambda g: conjugate(g)}', 'dtypes=ANY, grad={"input": lambda g: g}',
        "tests/test_complex_gradients.py -k conj",
    ),
    Fault(
        "tanh: the slope of complex numbers", "derivative", ELEMENTWISE,
        "grad=lambda g, result: tanh_backward(g, conjugate(result)))",
        "grad=lambda g, result: tanh_backward(g, result))",
        "tests/test_complex_gradients.py -k tanh",
    ),
    Fault(
        "linear: the weight's conjugate", "derivative", "tritonnn/ops/linalg/linalg.py",
        "matmul(g, conjugate(weight))", "matmul(g, weight)",
        "tests/test_complex_gradients.py -k linear",
    ),
    Fault(
        "a family with methods is read late", "lookup", "tritonnn/ops/__init__.py",
        '"attention", "convolution",', '"attention", "convolution", "torch_forms",', "tests/test_imports.py -k alone",
    ),
    Fault(
        "names of families read late stay unknown", "lookup", "tritonnn/__init__.py",
        "    _read_all()\n", "    pass\n", "tests/test_imports.py -k asked_for",
    ),
    Fault(
        "autocast knows the ops of the first import alone", "lookup", "tritonnn/amp/__init__.py",
        "whole()  # a policy", "# a policy", "tests/test_imports.py -k policies",
    ),
    Fault(
        "the import leaves all objects frozen", "state", "tritonnn/ops/__init__.py",
        "gc.unfreeze()", "pass", "tests/test_imports.py -k collector",
    ),
    Fault(
        "a definition is not looked up", "lookup", "tritonnn/table/op.py",
        "given.find() if isinstance(given, Later) else given", "given", "tests/test_definitions.py -k fft",
    ),
]  # fmt: skip

"""Faults in the NumPy twins."""

from __future__ import annotations

from mutants import Fault

SOFTMAX = "cpu_fallback/softmax.py"
REDUCTION = "cpu_fallback/reduction.py"
NORM = "cpu_fallback/normalization/normalization.py"
BATCH = "cpu_fallback/normalization/batch_norm.py"
LOSS = "cpu_fallback/loss/loss.py"
CTC = "cpu_fallback/loss/ctc.py"
RANDOM = "cpu_fallback/random.py"
PHILOX = "cpu_fallback/common/philox.py"
ATTENTION = "cpu_fallback/attention.py"
POINTWISE = "cpu_fallback/common/pointwise.py"
LINALG = "cpu_fallback/linalg/linalg.py"
STEPS = "cpu_fallback/optimizer/_trace.py"
OPS = "tests/test_ops.py -k"
DEFINED = "tests/test_definitions.py -k"

FAULTS = [
    Fault(
        "twin: softmax without the maximum", "precision", SOFTMAX,
        "np.subtract(input, np.maximum.reduce(input, axis=dim, keepdims=True), out=out)",
        "np.copyto(out, input)",
        "tests/test_corner_values.py -k scores_beyond",
    ),
    Fault(
        "twin: log_softmax by its own logarithm", "precision", SOFTMAX,
        "np.subtract(x, amax(x, axis), out=y)", "np.copyto(y, x)",
        "tests/test_corner_values.py -k scores_beyond",
    ),
    Fault(
        "twin: softmax's gradient as a difference of products", "derivative", SOFTMAX,
        "    np.subtract(g, total, out=u, dtype=t.dtype)\n", "    np.copyto(u, g)\n",
        f"{OPS} 'test_grad and softmax'",
    ),
    Fault(
        "twin: infinite logsumexp", "special value", SOFTMAX,
        "                np.copyto(total, top, where=np.isinf(top))\n", "                pass\n",
        "tests/test_softmax.py -k logsumexp",
    ),
    Fault(
        "twin: half precision adds up in half", "accumulator", REDUCTION,
        "    if input.dtype != out.dtype or out.dtype.itemsize == 2:\n        return False",
        "    if input.dtype != out.dtype:\n        return False",
        "tests/test_corner_values.py -k short_types",
    ),
    Fault(
        "twin: long columns in one sum", "accumulator", REDUCTION,
        "        and array.shape[axis[0]] > 2 * BLOCK\n", "        and False\n",
        "tests/test_corner_values.py -k long_sums",
    ),
    Fault(
        "twin: variance of the squares", "precision", REDUCTION,
        "    centred = np.asarray(array - mean)", "    centred = np.asarray(array - 0 * mean)",
        f"{OPS} 'test_grad and var_dims'",
    ),
    Fault(
        "twin: correction is left out", "reduction", REDUCTION,
        "freedom = max(number - correction, 0)", "freedom = max(number, 0)",
        f"{DEFINED} 'definition and (var or std)'",
    ),
    Fault(
        "twin: layer norm's gradient without its mean", "derivative", NORM,
        "        np.add(x_centred, (row_products(dy_block, w) / n)[:, None], out=x_centred)\n", "",
        f"{OPS} 'test_grad and layer_norm'",
    ),
    Fault(
        "twin: layer norm's eps outside of the root", "eps", NORM,
        "        rstd_rows[rows] = 1 / np.sqrt(row_dots(x_centred, x_centred) / n + eps)\n"
        "        np.multiply(x_centred, rstd",
        "        rstd_rows[rows] = 1 / (np.sqrt(row_dots(x_centred, x_centred) / n) + eps)\n"
        "        np.multiply(x_centred, rstd",
        f"{DEFINED} 'definition and layer_norm'",
    ),
    Fault(
        "twin: group norm's gradient takes another power", "derivative", NORM,
        "rstd_rows[rows] ** 3 / n", "rstd_rows[rows] ** 2 / n",
        f"{OPS} 'test_grad and group_norm'",
    ),
    Fault(
        "twin: smooth loss beyond the bound", "formula", LOSS,
        "        np.minimum(d, limit[: d.size], out=m)\n", "        np.copyto(m, d)\n",
        f"{DEFINED} 'definition and (smooth_l1 or huber)'",
    ),
    Fault(
        "twin: certain probabilities", "special value", LOSS,
        "        np.maximum(d, floor, out=d)\n", "",
        "tests/test_losses.py -k certain",
    ),
    Fault(
        "twin: cross entropy of large scores", "precision", LOSS,
        "        d += np.maximum(-x, 0)\n", "        d += -x\n",
        f"{DEFINED} 'definition and binary_cross_entropy'",
    ),
    Fault(
        "twin: ignored samples have a gradient", "gradient flow", LOSS,
        "    if ignored is not None:\n        values = np.where(ignored, 0, values)\n", "",
        "tests/test_losses.py -k nothing_to_average",
    ),
    Fault(
        "twin: smoothing without the weights", "formula", LOSS,
        "scale = (at_class + at_all * per_class.sum()) / sumexp",
        "scale = (at_class + at_all * classes) / sumexp",
        f"{OPS} 'test_grad and cross_entropy'",
    ),
    Fault(
        "twin: another Philox constant", "random numbers", PHILOX,
        "0x9E3779B9) & 0xFFFFFFFF, (high", "0x9E3779B1) & 0xFFFFFFFF, (high",
        "tests/test_random.py -k 'stream'",
    ),
    Fault(
        "twin: nine rounds", "random numbers", PHILOX,
        "    for _ in range(10):\n        keys.append", "    for _ in range(9):\n        keys.append",
        "tests/test_random.py -k 'stream'",
    ),
    Fault(
        "twin: few counters by another constant", "random numbers", PHILOX,
        "a, b = c0 * 0xD2511F53, c2 * 0xCD9E8D57", "a, b = c0 * 0xD2511F53, c2 * 0xCD9E8D51",
        "tests/test_random.py -k moves_on",
    ),
    Fault(
        "twin: numbers ahead of the draw", "random numbers", PHILOX,
        "return ready[at : at + count]", "return ready[:count]",
        "tests/test_random.py -k one_by_one",
    ),
    Fault(
        "twin: blocks draw the same numbers", "random numbers", RANDOM,
        "_words(seed, offset + start * per_value,", "_words(seed, offset,",
        "tests/test_random.py -k 'block_size or stream'",
    ),
    Fault(
        "twin: half precision reaches one", "random numbers", RANDOM,
        "digits = 11 if dtype == np.float16 else 8", "digits = 24",
        "tests/test_random.py -k below_one",
    ),
    Fault(
        "twin: dropout is not scaled", "dropout", RANDOM,
        "scale = wide.type(1.0 if p == 1 else 1.0 / (1.0 - p))", "scale = wide.type(1.0)",
        "tests/test_dropout.py -k 'statistics or mask'",
    ),
    Fault(
        "twin: dropout keeps what it should drop", "dropout", RANDOM,
        "lambda words, where: words >= threshold)", "lambda words, where: words < threshold)",
        "tests/test_dropout.py -k 'statistics or mask'",
    ),
    Fault(
        "twin: attention's dropout is not scaled", "dropout", ATTENTION,
        "np.multiply(p, self.dtype.type(1 / (1 - self.dropout_p)), out=p_drop)", "np.copyto(p_drop, p)",
        "tests/test_attention.py -k dropout",
    ),
    Fault(
        "twin: attention sees one key ahead", "mask", ATTENTION,
        "keys - first_key, rows.start - first_key, dtype=bool)",
        "keys - first_key, rows.start - first_key + 1, dtype=bool)",
        "tests/test_attention.py -k causal",
    ),
    Fault(
        "twin: rows that see nothing", "special value", ATTENTION,
        "                row_max[np.isneginf(row_max)] = 0\n", "",
        "tests/test_attention.py -k see_nothing",
    ),
    Fault(
        "twin: attention's gradient without its delta", "derivative", ATTENTION,
        "        np.subtract(dp, delta[:, rows], out=dp)\n", "",
        f"{OPS} 'test_grad and attention'",
    ),
    Fault(
        "twin: numbers round to float16 first", "precision", POINTWISE,
        "    if dtype.char == \"e\" and not isinstance(value, np.ndarray):\n"
        "        return np.float32(value)\n",
        "",
        "tests/test_elementwise.py -k half_precision",
    ),
    Fault(
        "twin: select takes the other one", "formula", POINTWISE,
        "    bits = np.asarray(other, out.dtype).view(integer)\n    change = np.asarray(input, out.dtype)",
        "    bits = np.asarray(input, out.dtype).view(integer)\n    change = np.asarray(other, out.dtype)",
        "tests/test_elementwise.py -k select",
    ),
    Fault(
        "twin: the last rows of a piece", "index", POINTWISE,
        "    for low in range(0, shape[0], count):\n        yield (slice(low, low + count),)",
        "    for low in range(0, shape[0] - count + 1, count):\n        yield (slice(low, low + count),)",
        "tests/test_elementwise.py -k 'blocks or pieces'",
    ),
    Fault(
        "twin: beta of a product", "formula", LINALG,
        "        total += input * kind.type(beta)\n", "        total += input\n",
        f"{DEFINED} 'definition and (addmm or baddbmm)'",
    ),
    Fault(
        "twin: an empty inner dimension", "special value", LINALG,
        "    if input.shape[-1] == 0:\n        out.fill(0)\n", "    if input.shape[-1] == 0:\n        pass\n",
        "tests/test_corner_values.py -k over_nothing",
    ),
    Fault(
        "twin: a blank between equal labels is skipped", "formula", CTC,
        "own[:, 2:] & (classes[:, 2:] != classes[:, :-2])", "own[:, 2:]", "tests/test_ctc.py -k 'behind and cpu'",
    ),
    Fault(
        "twin: states beyond a shorter target", "mask", CTC,
        "own = inside & (state % 2 == 1)", "own = np.broadcast_to(state % 2 == 1, inside.shape)",
        "tests/test_ctc.py -k 'beyond and cpu'",
    ),
    Fault(
        "twin: the gradient of what cannot be spelled", "special value", CTC,
        "np.where(((t < steps) & ~dropped)[:, None], slope, 0)", "np.where((t < steps)[:, None], slope, 0)",
        "tests/test_ctc.py -k 'cannot and cpu'",
    ),
    Fault(
        "twin: no frames spell nothing", "special value", CTC,
        "np.where(labels > 0, MINUS_INFINITY, 0)", "np.where(labels >= 0, MINUS_INFINITY, 0)",
        "tests/test_ctc.py -k 'cannot and cpu'",
    ),
]  # fmt: skip

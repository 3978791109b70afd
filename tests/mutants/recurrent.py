"""Faults in recurrent layers: rows and states of packed sequences, gates, their gradients, what is put together."""

from __future__ import annotations

from mutants import Fault

SIZES = "tritonnn/batch_sizes.py"
LAYERS = "tritonnn/ops/recurrent/layers.py"
NETWORK = "tritonnn/ops/recurrent/network.py"
FORMULAS = "tritonnn/ops/recurrent/_formulas.py"
CPU = "cpu_fallback/recurrent/layers.py"
GPU = "kernels/recurrent/layers.py"
KERNELS = "kernels/recurrent/_kernels.py"
GATES = "kernels/recurrent/_gates.py"
RESIDENT = "kernels/recurrent/_resident.py"
TABLE = "kernels/tables/recurrent.py"
MODULES = "tritonnn/nn/modules/_rnn_base.py"
OWN = "tests/test_recurrent.py -k"
OPS = "tests/test_ops.py -k"
ROADS = "tests/test_recurrent_roads.py -k"

FAULTS = [
    Fault(
        "recurrent: sequences that join backwards take over a neighbour's state",
        "index",
        SIZES,
        "Run(False, known, count - known)",
        "Run(True, known, count - known)",
        f"{OWN} states_before_rows",
    ),
    Fault(
        "recurrent: runs that do not follow one another become one",
        "index",
        SIZES,
        "end.start + end.rows == run.start",
        "end.start + end.rows <= run.start",
        f"{OWN} states_before_rows",
    ),
    Fault(
        "recurrent: the gradient of a projection by another gate",
        "derivative",
        LAYERS,
        "_gate(gates, 3, sizes, cells.shape[1])",
        "_gate(gates, 2, sizes, cells.shape[1])",
        f"{OPS} 'test_grad and lstm_layer and cpu'",
    ),
    Fault(
        "recurrent: the weight's gradient with the states after each step",
        "derivative",
        LAYERS,
        "weight = _weight_grad(hidden, h_before) if needs[2] else None",
        "weight = _weight_grad(hidden, output) if needs[2] else None",
        f"{OPS} 'test_grad and gru_layer and cpu'",
    ),
    Fault(
        "recurrent: dropout after the last layer as well",
        "dropout",
        NETWORK,
        "if dropout and train and layer < layers - 1:",
        "if dropout and train:",
        f"{OWN} nothing_is_dropped_after",
    ),
    Fault(
        "recurrent: dropout in evaluation",
        "dropout",
        NETWORK,
        "if dropout and train and layer",
        "if dropout and layer",
        f"{OWN} dropout_between_layers",
    ),
    Fault(
        "recurrent: both directions run forwards",
        "index",
        NETWORK,
        "groups[k], sizes, direction == 1)",
        "groups[k], sizes, False)",
        f"{OWN} 'packed_is_each and cpu'",
    ),
    Fault(
        "recurrent formula: the gate's own slope left out",
        "derivative",
        FORMULAS,
        "d_n * h_n * r * (1 - r), d * (h_old - n)",
        "d_n * h_n * r, d * (h_old - n)",
        f"{OWN} 'by_kernel_and_by_formula and cpu'",
    ),
    Fault(
        "twin: the last state of sequences that ended goes on",
        "index",
        CPU,
        "span, cell = slice(low, low + count), c[:count]",
        "span, cell = slice(low, low + count), c[-count:]",
        f"{OWN} 'packed_is_each and LSTM and cpu'",
    ),
    Fault(
        "twin: the state is not rounded",
        "precision",
        CPU,
        "    if output.dtype != h.dtype:\n        np.copyto(h, output)\n",
        "",
        f"{OWN} 'handed_on_rounded and cpu'",
    ),
    Fault(
        "twin: a cell's gradient without what comes through the state",
        "derivative",
        CPU,
        "    np.add(d_cell, t, out=d_cell)\n",
        "",
        f"{OPS} 'test_grad and lstm_layer and cpu'",
    ),
    Fault(
        "twin: relu's slope keeps NaN out",
        "special value",
        CPU,
        "row[state <= 0] = 0",
        "row[~(state > 0)] = 0",
        f"{OWN} relu_passes_nan_on",
    ),
    Fault(
        "kernel: the reset gate beside the product, not before it",
        "formula",
        GATES,
        "n = tanh(x_n + r * p_n)",
        "n = tanh(r * x_n + p_n)",
        f"{OPS} 'kernel_matches_twin and gru_layer and float32'",
    ),
    Fault(
        "kernel: the cell's gradient without its gate",
        "derivative",
        GATES,
        "d * t * (o * (1.0 - o)), d_cell * f",
        "d * t * (o * (1.0 - o)), d_cell",
        f"{OPS} 'grad_on_kernel and lstm_layer'",
    ),
    Fault(
        "kernel: rows beyond the step are written",
        "mask",
        KERNELS,
        "return i, (i // units) * (GATES * units) + i % units, i < n",
        "return i, (i // units) * (GATES * units) + i % units, i < n + 1",
        f"{ROADS} 'match_the_twin and lstm_layer and float32 and step'",
    ),
    Fault(
        "kernel: a projected state is not handed on",
        "index",
        GPU,
        "            copy(h, made)\n",
        "",
        f"{ROADS} 'match_the_twin and lstm_layer and float32 and step'",
    ),
    Fault(
        "kernel of all steps: backwards from one step too far",
        "index",
        RESIDENT,
        "t = steps - 1 - t",
        "t = steps - t",
        f"{OPS} 'kernel_matches_twin and lstm_layer and float32'",
    ),
    Fault(
        "kernel of all steps: a state beyond the layer is kept, and makes NaN of infinities",
        "special value",
        RESIDENT,
        "        state = tl.where(inside, x, 0.0).to(h.dtype.element_ty)",
        "        state = x.to(h.dtype.element_ty)",
        f"{ROADS} beyond_a_layer",
    ),
    Fault(
        "kernel of all steps: a gradient beyond the layer is kept",
        "special value",
        RESIDENT,
        "d = tl.where(inside, _product(d, w), 0.0)",
        "d = _product(d, w)",
        f"{ROADS} beyond_a_layer",
    ),
    Fault(
        "kernel of all steps: the product of states with the weight as it lies",
        "formula",
        RESIDENT,
        "w_n = _weight(weight + 2 * gate, units, units, 1, units, UNITS, UNITS)",
        "w_n = _weight(weight + 2 * gate, units, units, units, 1, UNITS, UNITS)",
        f"{OPS} 'kernel_matches_twin and gru_layer and float32'",
    ),
    Fault(
        "recurrent: spans of packed steps in the wrong order",
        "index",
        SIZES,
        "tuple(found[::-1] if reverse else found)",
        "tuple(found)",
        f"{ROADS} spans_are_all_steps",
    ),
    Fault(
        "recurrent: layers that do not fit are taken whole",
        "shape rule",
        TABLE,
        "if nbytes <= resident.most and padded(units) <= resident.units:",
        "if padded(units) <= resident.units:",
        f"{ROADS} largest_layers_that_fit",
    ),
    Fault(
        "kernel: without a gradient of the last state there is rubbish",
        "special value",
        GPU,
        "        fill(state, 0.0)\n",
        "        pass\n",
        f"{OWN} 'only_the_last_state and cuda'",
    ),
    Fault(
        "recurrent layer: the weights of a layer above take the input's features",
        "formula",
        MODULES,
        "outputs * self._directions\n",
        "self.input_size\n",
        f"{OWN} 'dropout_between_layers and GRU'",
    ),
]

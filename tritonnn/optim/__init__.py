"""Optimizers: `optimizer = torch.optim.SGD(model.parameters(), lr=0.1)`, then `optimizer.step()` after
`backward()`.

Every optimizer takes an iterable of parameters, of (name, parameter) pairs, or of dicts that set options per
group.
"""

from __future__ import annotations

from tritonnn.optim import lr_scheduler, swa_utils
from tritonnn.optim._stateless import swap_in_optimizer_params_and_state
from tritonnn.optim.adadelta import Adadelta
from tritonnn.optim.adafactor import Adafactor
from tritonnn.optim.adagrad import Adagrad
from tritonnn.optim.adam import Adam
from tritonnn.optim.adamax import Adamax
from tritonnn.optim.adamw import AdamW
from tritonnn.optim.asgd import ASGD
from tritonnn.optim.lbfgs import LBFGS
from tritonnn.optim.muon import Muon
from tritonnn.optim.nadam import NAdam
from tritonnn.optim.optimizer import Optimizer
from tritonnn.optim.radam import RAdam
from tritonnn.optim.rmsprop import RMSprop
from tritonnn.optim.rprop import Rprop
from tritonnn.optim.sgd import SGD
from tritonnn.optim.sparse_adam import SparseAdam

__all__ = [
    "ASGD",
    "LBFGS",
    "SGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Muon",
    "NAdam",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "Rprop",
    "SparseAdam",
    "lr_scheduler",
    "swap_in_optimizer_params_and_state",
    "swa_utils",
]

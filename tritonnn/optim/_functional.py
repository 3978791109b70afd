"""The functions behind the optimizers, by the names that PyTorch has them under."""

from tritonnn.optim.adadelta import adadelta
from tritonnn.optim.adagrad import adagrad
from tritonnn.optim.adam import adam
from tritonnn.optim.adamax import adamax
from tritonnn.optim.adamw import adamw
from tritonnn.optim.asgd import asgd
from tritonnn.optim.nadam import nadam
from tritonnn.optim.radam import radam
from tritonnn.optim.rmsprop import rmsprop
from tritonnn.optim.rprop import rprop
from tritonnn.optim.sgd import sgd

__all__ = [
    "adadelta", "adagrad", "adam", "adamax", "adamw", "asgd", "nadam", "radam", "rmsprop", "rprop", "sgd",
]  # fmt: skip

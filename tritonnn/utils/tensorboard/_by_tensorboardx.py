"""The writer of tensorboardX with the arguments of PyTorch's."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, NoReturn

import tensorboardX
from tensorboardX import FileWriter, RecordWriter

from tritonnn.utils.tensorboard._values import number, plain, refuse_graph

__all__ = ["FileWriter", "RecordWriter", "SummaryWriter"]


class SummaryWriter(tensorboardX.SummaryWriter):
    """Writes curves, pictures, texts and more into a file that TensorBoard shows.

    Args:
        log_dir: folder; by default one below `runs` named by time and host.
        comment: ends the default folder's name.
        purge_step: what an earlier run wrote from this step on is hidden.
        max_queue: how many entries wait before they are written.
        flush_secs: seconds after which they are written.
        filename_suffix: ends the file's name.
    """

    def __init__(
        self,
        log_dir: Any = None,
        comment: str = "",
        purge_step: int | None = None,
        max_queue: int = 10,
        flush_secs: int = 120,
        filename_suffix: str = "",
    ) -> None:
        folder = None if log_dir is None else str(log_dir)
        super().__init__(folder, comment, purge_step, max_queue, flush_secs, filename_suffix)
        self.log_dir = self.logdir

    def get_logdir(self) -> str:
        """The folder."""
        return self.logdir

    def add_scalar(
        self,
        tag: str,
        scalar_value: Any,
        global_step: int | None = None,
        walltime: float | None = None,
        new_style: bool = False,
        double_precision: bool = False,
    ) -> None:
        """Add a point to a curve.

        Args:
            new_style, double_precision: how PyTorch's writer stores it; here it is one float of 32 bits.
        """
        super().add_scalar(tag, number(scalar_value), global_step, walltime)

    def add_graph(self, model: Any, *args: object, **kwargs: object) -> NoReturn:
        """Refused: see the error."""
        refuse_graph(model)


def _taking_tensors(method: Callable) -> Callable:
    @wraps(method)
    def add(self: Any, *args: Any, **kwargs: Any) -> Any:
        return method(
            self, *(plain(arg) for arg in args), **{name: plain(arg) for name, arg in kwargs.items()}
        )

    return add


for _name in dir(tensorboardX.SummaryWriter):
    if _name.startswith("add_") and _name not in vars(SummaryWriter):
        setattr(SummaryWriter, _name, _taking_tensors(getattr(tensorboardX.SummaryWriter, _name)))

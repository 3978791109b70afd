"""The writer, by what is installed."""

from __future__ import annotations

from importlib.util import find_spec

if find_spec("tensorboardX") is not None:
    from tritonnn.utils.tensorboard._by_tensorboardx import FileWriter, RecordWriter, SummaryWriter
elif find_spec("tensorboard") is not None:
    from tritonnn.utils.tensorboard._by_tensorboard import (  # type: ignore[assignment]
        FileWriter,
        RecordWriter,
        SummaryWriter,
    )
else:
    raise ImportError(
        "torch.utils.tensorboard needs tensorboardX or tensorboard: pip install 'tritonnn[tensorboard]'"
    )

__all__ = ["FileWriter", "RecordWriter", "SummaryWriter"]

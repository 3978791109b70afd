"""`torch.utils.tensorboard`: curves, pictures and texts written for TensorBoard, by tensorboardX or tensorboard.

With tensorboardX everything that PyTorch's writer has works, but for graphs of models. tensorboard alone, which has no
writer with these methods, is enough for scalars, histograms, pictures and texts.
"""

from __future__ import annotations

from tritonnn.utils.tensorboard.writer import FileWriter, RecordWriter, SummaryWriter

__all__ = ["FileWriter", "RecordWriter", "SummaryWriter"]

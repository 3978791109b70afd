"""A writer on the file format of tensorboard, where tensorboardX is not installed."""

from __future__ import annotations

import io
import os
import socket
import time
from typing import Any, NoReturn

import numpy as np
from tensorboard.compat.proto import event_pb2, summary_pb2, tensor_pb2, tensor_shape_pb2
from tensorboard.summary.writer.event_file_writer import EventFileWriter as FileWriter
from tensorboard.summary.writer.record_writer import RecordWriter

from tritonnn.utils.tensorboard._values import number, plain, refuse_graph

__all__ = ["FileWriter", "RecordWriter", "SummaryWriter"]

_TEXT = 7  # tensorboard's number of the type of strings


class SummaryWriter:
    """Writes curves, histograms, pictures and texts into a file that TensorBoard shows.

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
        default = f"{time.strftime('%b%d_%H-%M-%S')}_{socket.gethostname()}{comment}"
        self.log_dir = os.path.join("runs", default) if log_dir is None else str(log_dir)
        self._given = max_queue, flush_secs, filename_suffix
        self._files: dict[str, Any] = {"": FileWriter(self.log_dir, *self._given)}
        if purge_step is not None:
            started = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
            self._write(event_pb2.Event(step=purge_step, session_log=started), None)

    def get_logdir(self) -> str:
        """The folder."""
        return self.log_dir

    def _write(self, event: Any, walltime: float | None, run: str = "") -> None:
        if run not in self._files:
            self._files[run] = FileWriter(os.path.join(self.log_dir, run), *self._given)
        event.wall_time = time.time() if walltime is None else walltime
        self._files[run].add_event(event)

    def _add(self, step: Any, walltime: float | None, run: str = "", **value: Any) -> None:
        summary = summary_pb2.Summary(value=[summary_pb2.Summary.Value(**value)])
        event = event_pb2.Event(summary=summary, step=0 if step is None else int(step))
        self._write(event, walltime, run)

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
        self._add(global_step, walltime, tag=tag, simple_value=number(scalar_value))

    def add_scalars(
        self,
        main_tag: str,
        tag_scalar_dict: dict[str, Any],
        global_step: int | None = None,
        walltime: Any = None,
    ) -> None:
        """Add a point to each of several curves in one picture, each in a folder of its own."""
        for tag, value in tag_scalar_dict.items():
            run = f"{main_tag.replace('/', '_')}_{tag}"
            self._add(global_step, walltime, run, tag=main_tag, simple_value=number(value))

    def add_histogram(
        self,
        tag: str,
        values: Any,
        global_step: int | None = None,
        bins: Any = "auto",
        walltime: float | None = None,
        max_bins: int | None = None,
    ) -> None:
        """Add how often values occur.

        Args:
            bins: as of `numpy.histogram`; PyTorch's 'tensorflow' is 'auto'.
            max_bins: at most so many.

        Raises:
            ValueError: there are no values.
        """
        flat = np.asarray(plain(values), np.float64).reshape(-1)
        if not flat.size:
            raise ValueError("The input has no element.")
        counts, limits = np.histogram(flat, "auto" if bins == "tensorflow" else bins)
        if max_bins is not None and len(counts) > max_bins:
            counts, limits = np.histogram(flat, max_bins)
        histogram = summary_pb2.HistogramProto(
            min=flat.min(), max=flat.max(), num=flat.size, sum=flat.sum(), sum_squares=flat @ flat,
            bucket_limit=limits[1:].tolist(), bucket=counts.tolist(),
        )  # fmt: skip
        self._add(global_step, walltime, tag=tag, histo=histogram)

    def add_image(
        self,
        tag: str,
        img_tensor: Any,
        global_step: int | None = None,
        walltime: float | None = None,
        dataformats: str = "CHW",
    ) -> None:
        """Add a picture: bytes, or floats from 0 to 1.

        Args:
            dataformats: what the dimensions are: letters of C, H and W.

        Raises:
            ValueError: the letters do not fit the picture.
        """
        from PIL import Image

        array = np.asarray(plain(img_tensor))
        if len(dataformats) != array.ndim or not {"H", "W"} <= set(dataformats) <= set("CHW"):
            raise ValueError(f"add_image: dataformats {dataformats!r} does not fit the shape {array.shape}")
        order = [dataformats.index(axis) for axis in "HWC" if axis in dataformats]
        array = array.transpose(order)
        if array.dtype != np.uint8:
            array = (array.astype(np.float32).clip(0, 1) * 255).astype(np.uint8)
        if array.ndim == 3 and array.shape[2] == 1:
            array = array[:, :, 0]
        file = io.BytesIO()
        Image.fromarray(array).save(file, "PNG")
        image = summary_pb2.Summary.Image(
            height=array.shape[0], width=array.shape[1], colorspace=1 if array.ndim == 2 else array.shape[2],
            encoded_image_string=file.getvalue(),
        )  # fmt: skip
        self._add(global_step, walltime, tag=tag, image=image)

    def add_text(
        self, tag: str, text_string: str, global_step: int | None = None, walltime: float | None = None
    ) -> None:
        """Add a text in Markdown."""
        plugin = summary_pb2.SummaryMetadata.PluginData(plugin_name="text")
        shape = tensor_shape_pb2.TensorShapeProto(dim=[tensor_shape_pb2.TensorShapeProto.Dim(size=1)])
        text = tensor_pb2.TensorProto(dtype=_TEXT, string_val=[str(text_string).encode()], tensor_shape=shape)
        metadata = summary_pb2.SummaryMetadata(plugin_data=plugin)
        self._add(global_step, walltime, tag=f"{tag}/text_summary", metadata=metadata, tensor=text)

    def add_graph(self, model: Any, *args: object, **kwargs: object) -> NoReturn:
        """Refused: see the error."""
        refuse_graph(model)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("add_"):
            raise NotImplementedError(
                f"SummaryWriter.{name}: with tensorboard alone there are add_scalar, add_scalars, add_histogram, "
                "add_image and add_text. Hint: pip install 'tritonnn[tensorboard]' for tensorboardX"
            )
        raise AttributeError(f"'SummaryWriter' object has no attribute '{name}'")

    def flush(self) -> None:
        """Write what waits."""
        for file in self._files.values():
            file.flush()

    def close(self) -> None:
        """Write what waits and end the files."""
        for file in self._files.values():
            file.close()

    def __enter__(self) -> SummaryWriter:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

"""The older profiler, `torch.autograd.profiler`, and ranges for NVIDIA's tools."""

from __future__ import annotations

from typing import Any

from tritonnn import dispatch
from tritonnn.cuda import nvtx
from tritonnn.errors import warn
from tritonnn.profiler._events import EventList, FunctionEvent, FunctionEventAvg
from tritonnn.profiler._ranges import record_function
from tritonnn.profiler._recorder import Wishes, tensors_in
from tritonnn.profiler._session import Reports, Session, gpu_is_there
from tritonnn.utils._aten import aten_name

__all__ = [
    "EventList", "FunctionEvent", "FunctionEventAvg", "KinetoStepTracker", "emit_itt", "emit_nvtx", "profile",
    "record_function",
]  # fmt: skip


class profile(Reports):
    """Records every call of the op table that this thread makes within the block.

    Args:
        enabled: whether anything is recorded.
        use_cuda: `use_device="cuda"`, by an older name.
        use_device: "cuda" where a GPU's times are measured as well.
        record_shapes, with_flops, profile_memory, with_stack, with_modules: what else is noted, as
            `torch.profiler.profile` has it.
        use_cpu: whether calls that run on no GPU are noted.
        acc_events: whether events of earlier blocks are kept.

    >>> import tritonnn as torch
    >>> with torch.autograd.profiler.profile() as profiler:
    ...     x = torch.ones(2) + 1
    >>> [(average.key, average.count) for average in profiler.key_averages()]
    [('aten::fill_', 1), ('aten::add', 1)]
    """

    def __init__(
        self,
        enabled: bool = True,
        *,
        use_cuda: bool = False,
        use_device: str | None = None,
        record_shapes: bool = False,
        with_flops: bool = False,
        profile_memory: bool = False,
        with_stack: bool = False,
        with_modules: bool = False,
        use_cpu: bool = True,
        acc_events: bool = False,
    ) -> None:
        if use_cuda:
            warn(
                "The attribute `use_cuda` will be deprecated soon, please use ``use_device = 'cuda'`` instead."
            )
            use_device = "cuda"
        if use_device not in (None, "cuda"):
            raise ValueError(f"profile(): use_device must be None or 'cuda', got {use_device!r}")
        if use_device and not gpu_is_there():
            warn("CUDA is not available, disabling CUDA profiling")
            use_device = None
        if not use_cpu and use_device is None:
            raise AssertionError("profile(): device-only events need use_device='cuda'")
        self.enabled, self.acc_events = enabled, acc_events
        wishes = Wishes(
            use_cpu,
            use_device is not None,
            record_shapes,
            profile_memory,
            with_stack,
            with_flops,
            with_modules,
        )
        self._session = Session(wishes)
        self._entered = False

    def __enter__(self) -> profile | None:
        if not self.enabled:
            return None
        if self._entered:
            raise RuntimeError("Profiler context manager is not reentrant")
        self._entered = True
        self._session.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self.enabled:
            self._session.stop(self._session.recorded if self.acc_events else None)

    @property
    def function_events(self) -> EventList:
        """Every call and range."""
        return self.events()

    def table(self, sort_by: str | None = None, row_limit: int = 100, **options: Any) -> str:
        """Every call and range as text; options are those of the table of events."""
        return self.events().table(sort_by, row_limit, **options)

    def export_chrome_trace(self, path: str) -> None:
        """Write what was recorded as a file for chrome://tracing and Perfetto."""
        self._session.export(path, {})

    def __repr__(self) -> str:
        if self._session.recorded is None:
            return "<unfinished torch.autograd.profile>"
        return repr(self._session.recorded)

    def __str__(self) -> str:
        if self._session.recorded is None:
            return "<unfinished torch.autograd.profile>"
        return str(self._session.recorded)


class emit_nvtx:
    """Within the block, each call of the op table is a range of NVIDIA's tools, through the package nvtx.

    Args:
        enabled: whether there are any.
        record_shapes: whether their names have the sizes of arguments.

    >>> import tritonnn as torch
    >>> with torch.autograd.profiler.emit_nvtx():
    ...     x = torch.ones(2) + 1
    """

    def __init__(self, enabled: bool = True, record_shapes: bool = False) -> None:
        self.enabled, self.record_shapes = enabled, record_shapes

    def __enter__(self) -> emit_nvtx:
        if self.enabled:
            dispatch.enter(self._ranged)
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self.enabled:
            dispatch.leave(self._ranged)

    def _ranged(self, call: dispatch.TableCall) -> Any:
        name = f"aten::{aten_name(call)}"
        if self.record_shapes:
            name += f", sizes = {[[*tensor.shape] for tensor in tensors_in(call.args)]}"
        nvtx.range_push(name)
        try:
            return call()
        finally:
            nvtx.range_pop()


class emit_itt:
    """Not there: ranges for the tools of a vendor whose devices tritonnn does not run on.

    Args:
        enabled: False makes a block that does nothing.
        record_shapes: of ranges that there are none of.
    """

    def __init__(self, enabled: bool = True, record_shapes: bool = False) -> None:
        if enabled:
            raise NotImplementedError("emit_itt: there are no ITT ranges. Hint: emit_nvtx, or torch.profiler")

    def __enter__(self) -> emit_itt:
        return self

    def __exit__(self, *exc_info: object) -> None:
        pass


class KinetoStepTracker:
    """Counts steps of those who ask for it by name; the step of all is the largest.

    >>> from tritonnn.autograd.profiler import KinetoStepTracker
    >>> KinetoStepTracker.init_step_count("training")
    >>> KinetoStepTracker.increment_step("training")
    1
    >>> KinetoStepTracker.erase_step_count("training")
    True
    """

    _current_step = 0
    _step_dict: dict[str, int] = {}

    @classmethod
    def init_step_count(cls, requester: str) -> None:
        """Begin to count for someone, where all are."""
        cls._step_dict[requester] = cls._current_step

    @classmethod
    def erase_step_count(cls, requester: str) -> bool:
        """Count for them no more; whether it was done."""
        return cls._step_dict.pop(requester, None) is not None

    @classmethod
    def increment_step(cls, requester: str) -> int:
        """Count one step more of theirs; the step of all."""
        if requester not in cls._step_dict:
            cls.init_step_count(requester)
        cls._step_dict[requester] += 1
        cls._current_step = max(cls._current_step, *cls._step_dict.values())
        return cls._current_step

    @classmethod
    def current_step(cls) -> int:
        """The step of all."""
        return cls._current_step

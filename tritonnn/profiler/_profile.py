"""`torch.profiler.profile`: recording in steps, by a schedule."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable, Iterable

from tritonnn.errors import warn
from tritonnn.profiler._events import EventList
from tritonnn.profiler._ranges import record_function
from tritonnn.profiler._recorder import Wishes
from tritonnn.profiler._schedule import ProfilerAction, ProfilerActivity
from tritonnn.profiler._session import Handler, Reports, Session, gpu_is_there

RECORDING = (ProfilerAction.RECORD, ProfilerAction.RECORD_AND_SAVE)


def supported_activities() -> set[ProfilerActivity]:
    """What can be looked at here.

    >>> import tritonnn as torch
    >>> torch.profiler.ProfilerActivity.CPU in torch.profiler.supported_activities()
    True
    """
    return {ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if gpu_is_there() else [])}


def tensorboard_trace_handler(
    dir_name: str, worker_name: str | None = None, use_gzip: bool = False
) -> Callable[[profile], None]:
    """For `on_trace_ready`: writes each trace as a file of a directory that TensorBoard's plugin reads.

    Args:
        dir_name: the directory, made where it is not there.
        worker_name: the first part of the files' names; host and process by default.
        use_gzip: whether they are compressed.
    """

    def handler(profiler: profile) -> None:
        os.makedirs(dir_name, exist_ok=True)
        worker = worker_name or f"{socket.gethostname()}_{os.getpid()}"
        ending = ".gz" if use_gzip else ""
        name = f"{worker}.{time.time_ns()}.pt.trace.json{ending}"
        profiler.export_chrome_trace(os.path.join(dir_name, name))

    return handler


class ExecutionTraceObserver:
    """Not there: it writes the graph of a program in a format of Kineto's."""

    def __init__(self) -> None:
        raise NotImplementedError(
            "ExecutionTraceObserver is Kineto's, which is not here. Hint: dispatch.watch and TorchDispatchMode show "
            "every call with its arguments; export_chrome_trace writes a trace"
        )


def kineto_available() -> bool:
    """False: the profiler is the library's own."""
    return False


class profile(Reports):
    """Records every call of the op table that this thread makes: names and times, and what else is asked for.

    The times of a GPU are measured by events on the stream around each call; those of the simulated one are the
    host's, as is said in the trace.

    Args:
        activities: what is looked at; all there is by default.
        schedule: step -> what is done in it, such as `torch.profiler.schedule` makes; without one all is recorded.
        on_trace_ready: called with the profiler whenever a stretch has been recorded.
        record_shapes: whether sizes, strides and types of arguments are noted.
        profile_memory: whether the memory of results is.
        with_stack: whether the lines of the program that led to a call are.
        with_flops: whether floating-point operations are counted.
        with_modules: whether the modules that run are noted.
        acc_events: whether events of all stretches are kept, not only those of the last.

    >>> import tritonnn as torch
    >>> with torch.profiler.profile(record_shapes=True) as profiler:
    ...     x = torch.ones(2, 3) @ torch.ones(3, 4)
    >>> event = profiler.events()[-1]
    >>> event.name, event.input_shapes
    ('aten::mm', [[2, 3], [3, 4]])
    """

    def __init__(
        self,
        *,
        activities: Iterable[ProfilerActivity] | None = None,
        schedule: Callable[[int], ProfilerAction] | None = None,
        on_trace_ready: Handler | None = None,
        record_shapes: bool = False,
        profile_memory: bool = False,
        with_stack: bool = False,
        with_flops: bool = False,
        with_modules: bool = False,
        experimental_config: None = None,
        execution_trace_observer: None = None,
        acc_events: bool = False,
        use_cuda: bool | None = None,
    ) -> None:
        for name, given in (
            ("experimental_config", experimental_config),
            ("execution_trace_observer", execution_trace_observer),
        ):
            if given is not None:
                raise NotImplementedError(f"profile(): {name} is Kineto's, which is not here; leave it None")
        looked_at = supported_activities() if activities is None else set(activities)
        if use_cuda is not None:
            warn("`use_cuda` is deprecated, use `activities` argument instead", FutureWarning)
            looked_at ^= (
                {ProfilerActivity.CUDA} if use_cuda != (ProfilerActivity.CUDA in looked_at) else set()
            )
        if not looked_at:
            raise AssertionError("No valid profiler activities found")
        for activity in looked_at:
            if not isinstance(activity, ProfilerActivity):
                raise TypeError(f"profile(): activities must be ProfilerActivity, got {activity!r}")
        if ProfilerActivity.CUDA in looked_at and not gpu_is_there():
            warn("CUDA is not available, disabling CUDA profiling")
            looked_at = looked_at - {ProfilerActivity.CUDA}
        self.activities = looked_at
        cpu, gpu = ProfilerActivity.CPU in looked_at, ProfilerActivity.CUDA in looked_at
        self._session = Session(
            Wishes(cpu, gpu, record_shapes, profile_memory, with_stack, with_flops, with_modules)
        )
        self.record_steps = schedule is not None
        self.schedule = schedule or (lambda step: ProfilerAction.RECORD)
        self.on_trace_ready, self.acc_events = on_trace_ready, acc_events
        self.step_num = 0
        self.current_action = self.schedule(0)
        self._step_range: record_function | None = None
        self._metadata: dict[str, object] = {}

    # ---- running --------------------------------------------------------------------------------------------------

    def __enter__(self) -> profile:
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def start(self) -> None:
        """Begin, with step 0."""
        self._go_on(None, self.current_action)
        self._open_step()

    def stop(self) -> None:
        """End; a stretch that is being recorded is ready."""
        self._close_step()
        self._go_on(self.current_action, None)

    def step(self) -> None:
        """Say that the program's next step begins."""
        self._close_step()
        before = self.current_action
        self.step_num += 1
        self.current_action = self.schedule(self.step_num)
        self._go_on(before, self.current_action)
        self._open_step()

    def _go_on(self, before: ProfilerAction | None, action: ProfilerAction | None) -> None:
        """From one step's action to the next one's."""
        running = self._session.recorder is not None
        ends = before is ProfilerAction.RECORD_AND_SAVE or (running and action not in RECORDING)
        if running and ends:
            if action is not None and before is ProfilerAction.RECORD:
                warn(f"Incorrect schedule: RECORD followed by {action.name}")
            self._session.stop(self._session.recorded if self.acc_events else None)
            if self.on_trace_ready is not None and (action is None or before is not ProfilerAction.RECORD):
                self.on_trace_ready(self)
        if action in RECORDING and self._session.recorder is None:
            self._session.start()

    def _open_step(self) -> None:
        if self.record_steps and self._session.recorder is not None:
            self._step_range = record_function(f"ProfilerStep#{self.step_num}")
            self._step_range.__enter__()

    def _close_step(self) -> None:
        if self._step_range is not None:
            self._step_range.__exit__(None, None, None)
            self._step_range = None

    # ---- what was recorded ----------------------------------------------------------------------------------------

    def events(self) -> EventList:
        """Every call and range of the last stretch, in the order in which they began.

        Raises:
            AssertionError: none has been recorded to its end.
        """
        return self._session.events()

    def export_chrome_trace(self, path: str) -> None:
        """Write the last stretch as a file for chrome://tracing, Perfetto and TensorBoard.

        Args:
            path: of the file; compressed where it ends with .gz.
        """
        self._session.export(path, self._metadata)

    def add_metadata(self, key: str, value: str) -> None:
        """Have a text of the program's own in the trace."""
        self._metadata[key] = value

    def preset_metadata_json(self, key: str, value: str) -> None:
        """The same before the recording has begun."""
        self.add_metadata_json(key, value)

    def toggle_collection_dynamic(self, enable: bool, activities: Iterable[ProfilerActivity]) -> None:
        """Refused: a recording is whole. A schedule says which steps are recorded."""
        raise NotImplementedError(
            "toggle_collection_dynamic(): a recording cannot be interrupted. Hint: schedule= says which steps are "
            "recorded"
        )

    def add_metadata_json(self, key: str, value: str) -> None:
        """Have a value of the program's own in the trace, given as JSON."""
        self._metadata[key] = json.loads(value)

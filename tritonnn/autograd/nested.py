"""Backward called within backward, many times deep: on threads of its own, whose stacks are fresh.

A custom function may run backward within its own. Each level takes a dozen of Python's frames, of which a thread has a
thousand.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from contextvars import copy_context
from typing import Any

from tritonnn import device
from tritonnn.memory import set_inference
from tritonnn.recording.grad_mode import state

LEVELS = 20  # levels that share a stack


def on_fresh_stack(run: Callable[[], None]) -> None:
    """Run on another thread with this one's modes, device and streams; what it raises is raised here."""
    modes, context, default = dict(vars(state)), copy_context(), dict(vars(device._default))
    runtime = _runtime_thread()
    selected = {} if runtime is None else {**vars(runtime), "bound": False}
    raised: list[BaseException] = []

    def body() -> None:
        vars(state).update(modes)
        vars(device._default).update(default)
        set_inference(state.inference, 0)
        if runtime is not None:
            vars(runtime).update(selected)
        try:
            context.run(run)
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    if raised:
        raise raised.pop()


def _runtime_thread() -> Any:
    """What the device runtime keeps per thread, where there is one."""
    interface = sys.modules.get("tritonnn.runtime.interface")
    if interface is None or interface._chosen is None:
        return None
    return interface.runtime().thread

"""What streams and events of all devices are, by older names."""

from __future__ import annotations

from tritonnn._streams import Event as _EventBase
from tritonnn._streams import Stream as _StreamBase

__all__ = ["_EventBase", "_StreamBase"]

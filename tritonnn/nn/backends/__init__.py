"""torch.nn.backends of older programs: functions behind layers, which `torch.nn.functional` has."""

from __future__ import annotations

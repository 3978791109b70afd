"""`torch.utils.model_zoo`, an older place of `torch.hub`."""

from __future__ import annotations

from tritonnn.hub import load_state_dict_from_url as load_url
from tritonnn.hub import tqdm

__all__ = ["load_url", "tqdm"]

"""torch.storage: the memory behind tensors as programs see it, as bytes or as elements."""

from tritonnn.storage.typed import TypedStorage
from tritonnn.storage.untyped import UntypedStorage

__all__ = ["TypedStorage", "UntypedStorage"]

"""torch.package, refused: an archive of a model with its Python code, which loading would run."""

from __future__ import annotations

from tritonnn._refusals import refused

WHY = (
    "tritonnn writes and reads no archives that carry Python code: what loads one runs it. "
    "torch.save(model.state_dict()) keeps the weights, and the code belongs to an ordinary package"
)
_REFUSED = refused(
    "torch.package",
    WHY,
    functions="find_file_dependencies",
    classes="Directory GlobGroup Importer OrderedImporter PackageExporter PackageImporter sys_importer",
)
globals().update(_REFUSED)
__all__ = [
    "EmptyMatchError",
    "ObjMismatchError",
    "ObjNotFoundError",
    "PackagingError",
    "is_from_package",
    *_REFUSED,
]


class PackagingError(Exception):
    """A module that an archive could not take; never raised here."""


class EmptyMatchError(Exception):
    """A pattern that matched no module; never raised here."""


class ObjNotFoundError(Exception):
    """An object that its module does not have; never raised here."""


class ObjMismatchError(Exception):
    """An object that is not what its module has under its name; never raised here."""


def is_from_package(obj: object) -> bool:
    """False: nothing is loaded from such an archive.

    >>> import tritonnn as torch
    >>> torch.package.is_from_package(torch.nn.Linear)
    False
    """
    return False

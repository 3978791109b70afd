"""What the instruction is that a frame of the recorded program stands at."""

from __future__ import annotations

import dis
import sys
import traceback
from types import FrameType


def unpacked(frame: FrameType | None) -> int | None:
    """How many names the instruction at which a frame stands unpacks a value to; None if it is another."""
    if frame is None:
        return None
    for instruction in dis.get_instructions(frame.f_code):
        if instruction.offset == frame.f_lasti:
            return instruction.argval if instruction.opname == "UNPACK_SEQUENCE" else None
    return None


def users_frames() -> list[str]:
    """The lines of a traceback that are none of this library."""
    summary = traceback.StackSummary.extract(traceback.walk_stack(sys._getframe(1)))
    summary.reverse()
    own = __file__.rpartition("/fx/")[0]
    return traceback.StackSummary.from_list([f for f in summary if not f.filename.startswith(own)]).format()


def asserted(frame: FrameType) -> str | None:
    """The message of the `assert` that a frame stands at; None where it stands at something else."""
    instructions = list(dis.get_instructions(frame.f_code))
    here = next((i for i, one in enumerate(instructions) if one.offset == frame.f_lasti), None)
    if here is None:
        return None
    following = [one for one in instructions[here + 1 :] if one.opname not in ("CACHE", "NOT_TAKEN")]
    if not instructions[here].opname.startswith("POP_JUMP"):
        following = following[1:]
    if not following or following[0].opname not in ("LOAD_ASSERTION_ERROR", "LOAD_COMMON_CONSTANT"):
        return None
    return str(following[1].argval) if len(following) > 1 and following[1].opname == "LOAD_CONST" else ""

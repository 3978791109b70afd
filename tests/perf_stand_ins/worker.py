"""Stands in for perf/_worker.py: answers at once, or misbehaves as the name of the row says."""

from __future__ import annotations

import json
import os
import sys
import time

import numpy as np

LIBRARY = json.loads(sys.argv[1])["library"]


def say(**answer: object) -> None:
    """An answer."""
    print(json.dumps(answer), flush=True)


def keep(path: str, moment: str, values: list[float]) -> None:
    """A result, as _results.save keeps it."""
    with open(f"{path}.{moment}.npz", "wb") as file:
        np.savez(file, **{f"0 float32 ({len(values)},)": np.asarray(values, np.float32)})


def prepare(name: str, results: str) -> dict[str, object]:
    """Inputs, and the first result: 'differs' has another one in tritonnn."""
    if results:
        keep(results, f"first.{LIBRARY}", [1.0, 2.5 if name == "differs" and LIBRARY == "tritonnn" else 2.0])
    return {"first_call": 0.0, "memory": 8, "peak": 16}


def check(name: str, results: str) -> dict[str, object]:
    """The last result: 'race' has another one in tritonnn."""
    race = name == "race" and LIBRARY == "tritonnn"
    keep(results, f"again.{LIBRARY}", [1.0, np.nan if race else 2.0])
    return {"changed": int(race)} if LIBRARY == "tritonnn" else {}


def measure(name: str) -> dict[str, object]:
    """A time; tritonnn hangs, ends, or loses its device in the rows of that name."""
    if LIBRARY == "tritonnn" and name == "hangs":
        time.sleep(3600)
    if LIBRARY == "tritonnn" and name == "half a line":
        sys.stdout.write('{"seconds"')
        sys.stdout.flush()
        time.sleep(3600)
    if LIBRARY == "tritonnn" and name == "ends":
        os._exit(1)
    if name.startswith("slow"):
        time.sleep(0.1)
    if LIBRARY == "tritonnn" and name == "sticky":
        return {"error": "CudaError: an illegal memory access was encountered", "ended": True}
    return {"seconds": 1.0 if LIBRARY == "tritonnn" else 2.0}


say(library="0", python="3", numpy="2", blas="", gpu="Stand-in")
row = ""
for line in sys.stdin:
    order = json.loads(line)
    do = order["do"]
    row = order.get("key", row)
    name = row.split("/")[1] if row else ""
    if do in ("prepare", "check"):
        answer = globals()[do](name, order["results"])
    else:
        answer = measure(name) if do == "measure" else {"calls": 1}
    say(**answer)
    if answer.get("ended"):
        break

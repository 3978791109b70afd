"""Runs the instruments in turn for some minutes: `make fuzz MINUTES=5`.

Each begins where no earlier run began: with a number taken from the clock, which is printed. A finding names the number
that shows it again.
"""

from __future__ import annotations

import sys
import time

from fuzz import full_disks, kills, loading, programs, soak


def main(minutes: float, seed: int) -> int:
    """The status is 1 where something was found."""
    begin = time.time()
    print(f"seed {seed}: damaged and hostile files (again: python -m fuzz.loading --only NUMBER)", flush=True)
    files = loading.run(seed, sys.maxsize, until=begin + 60 * minutes * 0.4)
    print(files, flush=True)
    print("random programs against PyTorch", flush=True)
    differ = programs.run(range(seed, sys.maxsize), until=begin + 60 * minutes * 0.7)
    print("training for a long time", flush=True)
    grew = soak.run(int(minutes * 60))
    print("saves that are killed", flush=True)
    killed = kills.run(sys.maxsize, seed, until=begin + 60 * minutes * 0.95)
    print(killed, flush=True)
    print("full disks", flush=True)
    return bool(files.findings) | differ | grew | bool(killed.findings) | full_disks.main(mount=True)


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else int(time.time()) * 1000))

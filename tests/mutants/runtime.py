"""Faults in devices, streams, memory, random numbers, and in the simulated device's own checks."""

from __future__ import annotations

from mutants import Fault

GPU = "tritonnn/runtime/gpu.py"
RACES = "tritonnn/runtime/races.py"
RANDOM = "tritonnn/random.py"
MEMORY = "kernels/launch/interpreter_memory.py"
NUMBERS = "kernels/launch/interpreter_numbers.py"
ARGUMENTS = "tritonnn/table/arguments.py"
PEER = "tests/fake_cuda/test_peer_copies.py"
DRIVER = "tests/fake_cuda/test_cuda_driver.py"
RACE = "tests/test_simulated_races.py"
BOUNDS = "tests/kernels/test_simulated_memory.py"
CONVERT = "tests/kernels/test_simulated_numbers.py"
STATE = "tests/test_engine_order.py tests/test_random.py -k"

FAULTS = [
    Fault(
        "a peer copy runs ahead of its target", "stream wait", GPU,
        "            self.wait_device(src_index, dst_index)\n", "",
        PEER,
    ),
    Fault(
        "a peer copy is not waited for", "stream wait", GPU,
        "            self.wait_device(dst_index, src_index)\n", "",
        PEER,
    ),
    Fault(
        "a download is not waited for", "stream wait", GPU,
        "                self.pinned.used_on(base, self.thread.device, stream)\n            else:\n"
        "                self.driver.cuStreamSynchronize(stream)",
        "                self.pinned.used_on(base, self.thread.device, stream)\n            else:\n"
        "                pass",
        DRIVER,
    ),
    Fault(
        "a peer copy takes the contexts crosswise", "index", GPU,
        "(dst, contexts[0], src, contexts[1], nbytes, stream)",
        "(dst, contexts[1], src, contexts[0], nbytes, stream)",
        f"{PEER} {DRIVER} -k 'peer or two_devices'",
    ),
    Fault(
        "a forked child may use the GPU", "refusal", GPU,
        "        self._forked = True\n", "",
        f"{DRIVER} -k forked",
    ),
    Fault(
        "a capture does not hold frees back", "memory pool", GPU,
        "        self.gate.hold()\n        try:\n            self.driver.cuStreamBeginCapture",
        "        try:\n            self.driver.cuStreamBeginCapture",
        "tests/fake_cuda/test_cuda_driver_ops.py -k 'graph_capture or becomes_one_graph'",
    ),
    Fault(
        "races: a wait is not kept", "race check", RACES,
        "            _advance(self._clock(stream), self._clock(other))", "            pass",
        RACE,
    ),
    Fault(
        "races: an event stands for nothing", "race check", RACES,
        "            clock = self._events[event] = self._clock(stream).copy()",
        "            clock = self._events[event] = {}",
        RACE,
    ),
    Fault(
        "races: an event stands for later work as well", "race check", RACES,
        "self._events[event] = self._clock(stream).copy()", "self._events[event] = self._clock(stream)",
        RACE,
    ),
    Fault(
        "races: readers are forgotten", "race check", RACES,
        "and (self.kind == WRITE or self.kind == other.kind)", "and True",
        RACE,
    ),
    Fault(
        "races: any two bytes meet", "race check", RACES,
        "return self.first < other.end and other.first < self.end and", "return",
        RACE,
    ),
    Fault(
        "races: the host's waits do not count", "race check", RACES,
        "            _advance(clock, self._host)\n            clock[stream] =", "            clock[stream] =",
        RACE,
    ),
    Fault(
        "races: memory that went back has a past", "race check", RACES,
        "            self._uses.pop(block, None)", "            pass",
        RACE,
    ),
    Fault(
        "bounds: one element past the end", "bounds check", MEMORY,
        "outside = (bad < reach.first) | (bad > reach.end - size)",
        "outside = (bad < reach.first) | (bad > reach.end)",
        BOUNDS,
    ),
    Fault(
        "bounds: below the first byte", "bounds check", MEMORY,
        "outside = (bad < reach.first) | (bad > reach.end - size)", "outside = bad > reach.end - size",
        BOUNDS,
    ),
    Fault(
        "bounds: stores are not looked at", "bounds check", MEMORY,
        "        _check(self, ptrs, mask, WRITE)\n", "",
        BOUNDS,
    ),
    Fault(
        "bounds: atomics are not looked at", "bounds check", MEMORY,
        "        _check(self, ptr, mask, UPDATE)\n", "",
        BOUNDS,
    ),
    Fault(
        "bounds: masked reads are zero", "bounds check", MEMORY,
        "            other = _undefined(ptrs, mask)\n", "            pass\n",
        BOUNDS,
    ),
    Fault(
        "bounds: a cast pointer reaches everything", "bounds check", MEMORY,
        "            result.dtype = ArgumentPointer(result.dtype, reaches)\n", "            pass\n",
        BOUNDS,
    ),
    Fault(
        "bounds: misaligned arguments", "bounds check", MEMORY,
        "if buffer.ptr % size and buffer.numel:", "if False:",
        BOUNDS,
    ),
    Fault(
        "bounds: promised multiples", "bounds check", MEMORY,
        "if (firsts % firsts.dtype.type(value)).any():", "if False:",
        BOUNDS,
    ),
    Fault(
        "bounds: addresses of dead blocks", "bounds check", MEMORY,
        "    if wrong.size:\n", "    if False:\n",
        BOUNDS,
    ),
    Fault(
        "conversion: integers wrap above", "conversion", NUMBERS,
        '    result = np.where(whole >= 2.0 ** (info.bits - (target.kind == "i")), info.max, result)\n', "",
        CONVERT,
    ),
    Fault(
        "conversion: integers wrap below", "conversion", NUMBERS,
        "    result = np.where(whole <= float(info.min), info.min, result)\n", "",
        CONVERT,
    ),
    Fault(
        "conversion: float8 overflows", "conversion", NUMBERS,
        ".clip(-_LARGEST[kind], _LARGEST[kind])", "",
        CONVERT,
    ),
    Fault(
        "conversion: float64 to bfloat16 rounds twice", "conversion", NUMBERS,
        "        values = _to_odd(values)\n", "        pass\n",
        CONVERT,
    ),
    Fault(
        "conversion: tf32 keeps all bits", "conversion", NUMBERS,
        "np.uint32(0xFFFFE000)", "np.uint32(0xFFFFFFFF)",
        CONVERT,
    ),
    Fault(
        "a state without its place", "generator state", RANDOM,
        "        self._place.seed, self._place.offset = _STATE.unpack(raw)\n",
        "        self._place.seed, self._place.offset = _STATE.unpack(raw)[0], 0\n",
        f"{STATE} 'state or saved'",
    ),
    Fault(
        "numbers are drawn twice", "generator state", RANDOM,
        "        self._place.offset += (words + 3) // 4 * 4\n", "        self._place.offset += words // 4 * 4\n",
        f"{STATE} 'moves_on or generator'",
    ),
    Fault(
        "a seed does not go back to the start", "generator state", RANDOM,
        "seed % (1 << 64), 0\n", "seed % (1 << 64), self._offset\n",
        f"{STATE} 'seeds or moves_on'",
    ),
    Fault(
        "fork_rng leaves the stream", "generator state", RANDOM,
        "            generator._place.seed, generator._place.offset = number, offset\n", "            pass\n",
        f"{STATE} fork",
    ),
    Fault(
        "a later device starts from the default seed", "generator state", RANDOM,
        "Generator(device)\n        generator.manual_seed(_last_seed)\n", "Generator(device)\n",
        f"{STATE} used_later",
    ),
    Fault(
        "a bool counts as an integer", "argument check", ARGUMENTS,
        "    if isinstance(value, (bool, np.bool_)):\n        return False\n", "",
        "tests/test_arguments.py -k 'integer or what_does_not'",
    ),
    Fault(
        "arguments by name are not looked at", "argument check", ARGUMENTS,
        "raise wrong_type(op, op.places[name], kind, value, [kwargs.get(name) for name in op.names])", "pass",
        "tests/test_arguments.py",
    ),
    Fault(
        "an element of a list is not looked at", "argument check", ARGUMENTS,
        "return all([item.__class__ is int or is_count(item) for item in value])", "return True",
        "tests/test_arguments.py",
    ),
    Fault(
        "a private function is an implementation", "lookup", "tritonnn/_families.py",
        '    if name.startswith("_"):\n        return None\n', "",
        "tests/test_where.py -k found_in",
    ),
    Fault(
        "private files of a family are searched", "lookup", "tritonnn/_families.py",
        'for name in names if not name.startswith("_")', "for name in names",
        "tests/test_where.py -k found_in",
    ),
    Fault(
        "an error within a family hides it", "lookup", "tritonnn/_families.py",
        "        if error.name not in (path, package):\n            raise\n", "",
        "tests/test_where.py -k found_in",
    ),
]  # fmt: skip

"""A copy between devices waits for both: what made its source, and what still reads its target."""

from __future__ import annotations

import fake_gpu

library, nvml, gpu = fake_gpu.library, fake_gpu.nvml, fake_gpu.gpu


def test_a_peer_copy_stands_between_the_streams_of_both_devices(gpu) -> None:
    gpu(
        """
        import re
        import tritonnn as torch
        from tritonnn import cuda
        source, target = cuda.Stream(0), cuda.Stream(1)

        def order(copy):
            log()
            with cuda.stream(target), cuda.stream(source):
                copy()
            found, event = [], None
            for line in log():
                if match := re.match(r"record event=(\\S+) stream=(\\S+)", line):
                    event = match[1]
                    found.append(("record", int(match[2], 16)))
                elif match := re.match(r"stream=(\\S+) waits event=(\\S+)", line):
                    assert match[2] == event, line                # of what was just recorded
                    found.append(("wait", int(match[1], 16)))
                elif match := re.match(r"peer copy bytes=(\\d+) from=(\\d) to=(\\d) stream=(\\S+)", line):
                    assert match.groups()[:3] == ("4000", "0", "1"), line
                    found.append(("copy", int(match[4], 16)))
            return found

        s, t = source.cuda_stream, target.cuda_stream
        wanted = [("record", t), ("wait", s), ("copy", s), ("record", s), ("wait", t)]
        a, b = rt.allocate(4000, 0), rt.allocate(4000, 1)
        got = order(lambda: rt.copy_device(b.ptr, a.ptr, 4000, 1, 0))
        assert got == wanted, (got, wanted)
        x = torch.empty(1000, device="cuda:0")
        got = order(lambda: x.to("cuda:1"))
        assert got == wanted, (got, wanted)
        log()
        within = rt.allocate(4000, 0)
        rt.copy_device(within.ptr, a.ptr, 4000, 0, 0)             # of one device: its stream is order enough
        assert not [line for line in log() if "waits" in line]
    """,
        FAKE_CUDA_DEVICES="2",
    )

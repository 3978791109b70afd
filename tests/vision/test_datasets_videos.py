"""Videos as clips: which frames they have, and, where PyAV is installed, what is in them."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import tritonnn as torch
from tritonnn.vision.datasets import UCF101, Kinetics, samplers
from tritonnn.vision.datasets.video_utils import VideoClips, unfold


def clips(*lengths: int, **arguments) -> VideoClips:
    """Clips of videos of which it is only known how long they are."""
    known = {
        "video_paths": [f"{i}.mp4" for i in range(len(lengths))],
        "video_pts": [torch.arange(length) for length in lengths],
        "video_fps": [30.0] * len(lengths),
    }
    return VideoClips([], _precomputed_metadata=known, **arguments)


def test_windows():
    assert unfold(torch.arange(10), 3, 4, 2).tolist() == [[0, 2, 4], [4, 6, 8]]
    assert unfold(torch.arange(2), 3, 1).shape == (0, 3)
    with pytest.raises(ValueError, match="1 dimension instead of 2"):
        unfold(torch.zeros(2, 2), 1, 1)


def test_which_frames():
    found = clips(5, 3, clip_length_in_frames=2, frames_between_clips=2)
    assert [c.tolist() for c in found.clips] == [[[0, 1], [2, 3]], [[0, 1]]] and len(found) == 3
    assert [found.get_clip_location(i) for i in range(3)] == [(0, 0), (0, 1), (1, 0)]
    found.compute_clips(2, 1, frame_rate=15)
    assert [c.tolist() for c in found.clips] == [[[0, 2], [2, 4]], [[0, 2]]]
    found.compute_clips(3, 3, frame_rate=60)
    assert found.clips[1].tolist() == [[0, 0, 1], [1, 2, 2]]
    with pytest.raises(IndexError, match=r"Index 9 out of range \(5 number of clips\)"):
        found.get_clip(9)
    with pytest.warns(UserWarning, match="There aren't enough frames"):
        assert len(clips(1, clip_length_in_frames=2)) == 0
    again = pickle.loads(pickle.dumps(found))
    assert [c.tolist() for c in again.clips] == [c.tolist() for c in found.clips]
    assert again.subset([1]).video_paths == ["1.mp4"] and len(again.subset([1])) == 2


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({"output_format": "CTHW"}, ValueError, "either 'THWC' or 'TCHW', got CTHW"),
        ({"_video_width": 3}, ValueError, "_video_width can only be 0, but is 3"),
        ({"_audio_channels": 1}, ValueError, "_audio_channels can only be 0, but is 1"),
    ],
)
def test_refused(arguments, error, says):
    with pytest.raises(error, match=says):
        clips(3, **arguments)


def test_samplers():
    found = clips(10, 4, 25, clip_length_in_frames=2)  # 9, 3 and 24 clips
    assert list(samplers.UniformClipSampler(found, 3)) == [0, 4, 8, 9, 10, 11, 12, 23, 35]
    assert len(samplers.UniformClipSampler(found, 3)) == 9
    chance = samplers.RandomClipSampler(found, 5)
    drawn = [list(chance) for _ in range(3)]
    assert len(chance) == 13 and drawn[0] != drawn[1]
    for order in drawn:
        assert len(set(order)) == 13 and sum(i < 9 for i in order) == 5 and {9, 10, 11} < set(order)
        assert sorted(order) != order
    for sampler in (samplers.UniformClipSampler, samplers.RandomClipSampler):
        with pytest.raises(TypeError, match="instance of VideoClips, got <class 'list'>"):
            sampler([], 2)


def write(path, count=12, rate=24, sound=True):
    """A video whose frame i is of the grey 20 * i, with a tone."""
    av = pytest.importorskip("av")
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as file:
        stream = file.add_stream("mpeg4", rate=rate)
        stream.width, stream.height, stream.pix_fmt = 32, 16, "yuv420p"
        stream.bit_rate = 8_000_000
        audio = file.add_stream("pcm_s16le", rate=8000, layout="mono") if sound else None
        for i in range(count):
            frame = av.VideoFrame.from_ndarray(np.full((16, 32, 3), 20 * i, np.uint8), format="rgb24")
            file.mux(stream.encode(frame))
        file.mux(stream.encode())
        if audio is not None:
            wave = (np.sin(np.arange(8000 * count // rate) / 8000 * 2 * np.pi * 440) * 20000).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(wave[None], format="s16", layout="mono")
            frame.rate = 8000
            file.mux(audio.encode(frame))
            file.mux(audio.encode())
    return str(path)


def test_what_is_in_them(tmp_path):
    paths = [write(tmp_path / "a.avi"), write(tmp_path / "b.avi", 5, 30, sound=False)]
    found = VideoClips(paths, 3, 2, num_workers=0)
    assert [len(frames) for frames in found.video_pts] == [12, 5] and found.video_fps == [24.0, 30.0]
    video, audio, info, number = found.get_clip(1)
    assert (
        video.shape == (3, 16, 32, 3)
        and video.dtype == torch.uint8
        and info == {"video_fps": 24.0}
        and number == 0
    )
    assert np.allclose(video.float().mean((1, 2, 3)).tolist(), [40, 60, 80], atol=6)
    assert audio.shape == (1, 1000) and audio.dtype == torch.float32
    wave = np.sin(np.arange(667, 1667) / 8000 * 2 * np.pi * 440) * 20000 / 32768
    assert np.abs(audio.numpy()[0] - wave).max() < 0.35  # to a sample
    assert found.get_clip(5)[1].shape == (1, 0)
    slower = VideoClips(paths, 2, 1, frame_rate=12, output_format="TCHW")
    video, _, info, _ = slower.get_clip(2)
    assert video.shape == (2, 3, 16, 32) and info == {"video_fps": 12}
    assert np.allclose(video.float().mean((1, 2, 3)).tolist(), [80, 120], atol=6)


def test_datasets(tmp_path):
    for name in ("jump/v_1.avi", "jump/v_2.avi", "run/v_1.avi"):
        write(tmp_path / "train" / name, 4)
    (tmp_path / "trainlist01.txt").write_text("jump/v_2.avi 1\nrun/v_1.avi 2\n")
    fold = UCF101(tmp_path / "train", str(tmp_path), 2, output_format="TCHW", num_workers=0)
    assert len(fold) == 6 and [fold[i][2] for i in range(6)] == [0, 0, 0, 1, 1, 1]
    assert fold[0][0].shape == (2, 3, 16, 32) and len(fold.metadata["video_paths"]) == 3
    whole = Kinetics(tmp_path, 2, num_workers=1, transform=lambda video: video.shape)
    assert len(whole) == 9 and whole[0][0] == (2, 3, 16, 32) and whole[8][2] == 1


def test_a_damaged_video_is_named(tmp_path):
    av = pytest.importorskip("av")
    (tmp_path / "a.avi").write_bytes(b"no video")
    with pytest.raises(av.error.FFmpegError, match=r"a\.avi"):
        VideoClips([str(tmp_path / "a.avi")])
    found = VideoClips([write(tmp_path / "b.avi", 4)], 2)
    found.video_pts, found.clips = [torch.arange(9)], [torch.tensor([[7, 8]])]
    with pytest.raises(IndexError, match=r"b\.avi: frame 8 was asked for"):
        found.get_clip(0)

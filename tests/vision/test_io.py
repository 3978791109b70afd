"""Pictures from files and into files: every format, every mode, 16 bits, orientation, and files that are damaged."""

from __future__ import annotations

import io
import struct
import sys
import zlib

import numpy as np
import pytest

import tritonnn as torch
from tritonnn.vision import io as vio
from tritonnn.vision.io import _fast_jpeg

Image = pytest.importorskip("PIL.Image")

GREY, COLOR = (5, 7), (5, 7, 3)


def drawn(shape, dtype=np.uint8):
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def encoded(pixels, kind="PNG", mode=None, **options):
    image = Image.fromarray(pixels)
    file = io.BytesIO()
    (image.convert(mode) if mode else image).save(file, kind, **options)
    return tensor_of(file.getvalue())


def tensor_of(data):
    return torch.from_numpy(np.frombuffer(bytearray(data), np.uint8))


def channels_first(pixels):
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def smooth(height=24, width=32):
    """A picture that JPEG keeps well."""
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    return (255 * np.stack([x, y, 1 - x], 2)).astype(np.uint8)


@pytest.mark.parametrize("shape", [GREY, COLOR, (5, 7, 2), (5, 7, 4)])
def test_png_is_exact(shape):
    pixels = drawn(shape)
    assert np.array_equal(vio.decode_png(encoded(pixels)).numpy(), channels_first(pixels))


def grey_of(pixels):
    return (0.2989 * pixels[0] + 0.587 * pixels[1] + 0.1141 * pixels[2])[None]


def wanted(pixels, mode):
    """The channels of a mode, by the words of its name. Pixels are (C, H, W)."""
    has_alpha, color = len(pixels) in (2, 4), pixels[: 3 if len(pixels) > 2 else 1].astype(np.float64)
    opacity = pixels[-1:] if has_alpha else np.full_like(pixels[:1], np.iinfo(pixels.dtype).max)
    if mode.startswith("GRAY"):
        color = grey_of(color) if len(color) == 3 else color
    elif len(color) == 1:
        color = np.concatenate([color] * 3)
    return np.concatenate([color, opacity]) if mode.endswith("A") else color


MODES = {"GRAY": "GRAY", "GRAY_ALPHA": "GRAY_A", "RGB": "RGB", "RGB_ALPHA": "RGBA", "rgba": "RGBA"}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("deep", [False, True])
def test_modes(mode, channels, deep):
    pixels = drawn((5, 7, channels), np.uint16 if deep else np.uint8)
    data = tensor_of(deep_png(pixels)) if deep else encoded(pixels[..., 0] if channels == 1 else pixels)
    got = vio.decode_image(data, mode).numpy()
    expected = wanted(channels_first(pixels), MODES[mode])
    assert got.dtype == pixels.dtype and got.shape == expected.shape
    assert np.abs(got - expected).max() <= (8 if deep else 1.5)  # shares of grey have 15 bits


def deep_png(pixels):
    """A PNG of 16 bits, written by its definition, with the filters of each kind that depend on a neighbour."""
    height, width, channels = pixels.shape
    raw = pixels.astype(">u2").view(np.uint8).reshape(height, -1)
    rows, above, step = b"", np.zeros_like(raw[0]), 2 * channels
    for y, row in enumerate(raw):
        left = np.concatenate([np.zeros(step, np.uint8), row[:-step]])
        rows += bytes([y % 3]) + (row, row - left, row - above)[y % 3].tobytes()
        above = row

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, 16, {1: 0, 2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_png_of_16_bits(channels):
    pixels = drawn((6, 5, channels), np.uint16)
    got = vio.decode_png(tensor_of(deep_png(pixels)))
    assert got.dtype == torch.uint16 and np.array_equal(got.numpy(), channels_first(pixels))


def test_png_of_a_palette_and_of_bits():
    numbers = np.arange(6, dtype=np.uint8).reshape(2, 3)
    image = Image.frombytes("P", (3, 2), numbers.tobytes())
    image.putpalette([value for i in range(256) for value in (i, 2 * i % 256, 3 * i % 256)])
    file = io.BytesIO()
    image.save(file, "PNG", transparency=bytes([255, 0, 7]))
    data = tensor_of(file.getvalue())
    assert np.array_equal(vio.decode_png(data)[0].numpy(), numbers)  # the numbers, as torchvision
    expected = np.stack([numbers, 2 * numbers, 3 * numbers])
    assert np.array_equal(vio.decode_png(data, "RGB").numpy(), expected)
    assert vio.decode_png(data, "RGB_ALPHA")[3].tolist() == [[255, 0, 7], [255, 255, 255]]
    bits = vio.decode_png(encoded(np.array([[True, False]])))
    assert bits.tolist() == [[[255, 0]]]


@pytest.mark.parametrize("fast", [False, True])
def test_jpeg(monkeypatch, fast):
    if not fast:
        monkeypatch.setattr(_fast_jpeg, "_simplejpeg", lambda: None)
    elif _fast_jpeg._simplejpeg() is None:
        pytest.skip("simplejpeg is not installed")
    pixels = smooth()
    data = encoded(pixels, "JPEG", quality=95)
    got = vio.decode_jpeg(data)
    assert got.shape == (3, 24, 32) and np.abs(got.numpy() - channels_first(pixels).astype(int)).max() < 12
    grey = vio.decode_jpeg(data, vio.ImageReadMode.GRAY)
    assert np.abs(grey.numpy() - grey_of(channels_first(pixels))).max() < 12 and grey.shape[0] == 1
    of_grey = encoded(pixels[..., 0], "JPEG")
    assert vio.decode_jpeg(of_grey).shape[0] == 1
    assert torch.equal(vio.decode_jpeg(of_grey, "RGB")[2], vio.decode_jpeg(of_grey)[0])
    with pytest.raises(RuntimeError, match="mode is not supported for JPEG files: RGB_ALPHA"):
        vio.decode_jpeg(data, "rgba")


def test_jpeg_of_four_inks():
    inks = np.zeros((8, 8, 4), np.uint8)
    inks[..., 0] = 255  # cyan alone, of inks as Pillow counts them
    file = io.BytesIO()
    Image.frombytes("CMYK", (8, 8), inks.tobytes()).save(file, "JPEG", quality=100)
    data = tensor_of(file.getvalue())
    assert vio.decode_jpeg(data)[:, 0, 0].tolist() == [0, 255, 255, 255]  # inverted, as the file has them
    assert np.abs(vio.decode_jpeg(data, "RGB")[:, 0, 0].numpy().astype(int) - [0, 255, 255]).max() < 3


def test_lists_of_jpeg():
    files = [encoded(smooth(16, 16 + 8 * i), "JPEG") for i in range(3)]
    assert [tuple(x.shape) for x in vio.decode_jpeg(files)] == [(3, 16, 16), (3, 16, 24), (3, 16, 32)]
    pictures = vio.decode_jpeg(files)
    for file, picture in zip(vio.encode_jpeg(pictures, 100), pictures):
        assert (vio.decode_jpeg(file).int() - picture.int()).abs().max() < 20
    for wrong in ([], [files[0], b"x"]):
        with pytest.raises(ValueError, match=r"list must contain at least one|must be tensors"):
            vio.decode_jpeg(wrong)
    with pytest.raises(RuntimeError, match="tensor of encoded bytes 1 cannot be decoded"):
        vio.decode_jpeg([files[0], files[1][:200].clone()])
    with pytest.raises(ValueError, match="at least one input tensor"):
        vio.encode_jpeg([])


TURNED = {
    1: lambda x: x, 2: lambda x: x[:, ::-1], 3: lambda x: np.rot90(x, 2), 4: lambda x: x[::-1],
    5: lambda x: x.transpose(1, 0, 2), 6: lambda x: np.rot90(x, -1), 7: lambda x: np.rot90(x, 2).transpose(1, 0, 2),
    8: lambda x: np.rot90(x, 1),
}  # fmt: skip


@pytest.mark.parametrize("orientation", TURNED)
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_orientation(orientation, kind):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(smooth(), kind, exif=exif)
    plain = vio.decode_image(data).permute(1, 2, 0).numpy()
    upright = vio.decode_image(data, apply_exif_orientation=True).permute(1, 2, 0).numpy()
    assert plain.shape == (24, 32, 3) and np.array_equal(upright, TURNED[orientation](plain))


@pytest.mark.parametrize("shape", [(1, 5, 3), (5, 1, 3), (1, 1, 3)])
def test_orientation_of_lines(shape):
    for orientation, turn in TURNED.items():
        exif = Image.Exif()
        exif[0x0112] = orientation
        got = vio.decode_png(encoded(drawn(shape), exif=exif), apply_exif_orientation=True)
        assert np.array_equal(got.permute(1, 2, 0).numpy(), turn(drawn(shape)))


@pytest.mark.parametrize("orientation", [0, 9])
def test_orientations_that_there_are_not(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(drawn(COLOR), exif=exif)
    assert torch.equal(vio.decode_png(data, apply_exif_orientation=True), vio.decode_png(data))


def test_gif_and_webp():
    frames = [Image.fromarray(np.full((4, 6, 3), 60 * i, np.uint8)) for i in range(1, 4)]
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    got = vio.decode_image(tensor_of(file.getvalue()))
    assert got.shape == (3, 3, 4, 6) and got[:, 0, 0, 0].tolist() == [60, 120, 180]
    assert vio.decode_gif(encoded(drawn(COLOR), "GIF")).shape == (3, 5, 7)
    pixels = drawn((5, 7, 4))
    pixels[..., 3] |= 1  # what is invisible loses its colour
    data = encoded(pixels, "WEBP", lossless=True)
    assert np.array_equal(vio.decode_image(data).numpy(), channels_first(pixels))
    assert np.array_equal(vio.decode_webp(data, "rgb").numpy(), channels_first(pixels)[:3])
    file = io.BytesIO()
    frames[0].save(file, "WEBP", save_all=True, append_images=frames[1:])
    with pytest.raises(RuntimeError, match="Animated webp files are not supported"):
        vio.decode_webp(tensor_of(file.getvalue()))


def test_avif_and_heic(monkeypatch):
    from PIL import features

    if features.check("avif"):
        got = vio.decode_avif(encoded(smooth(), "AVIF", quality=95), "RGB")
        assert np.abs(got.numpy() - channels_first(smooth()).astype(int)).max() < 20
    monkeypatch.setattr(features, "check", lambda name: False)
    with pytest.raises(RuntimeError, match=r"cannot read AVIF: pip install 'pillow>=11\.3'"):
        vio.decode_avif(torch.ones(4, dtype=torch.uint8))
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(RuntimeError, match="pip install pillow-heif"):
        vio.decode_heic(torch.ones(4, dtype=torch.uint8))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
def test_damaged_files_are_named(tmp_path, kind):
    data = bytes(encoded(np.repeat(drawn((40, 40, 1)), 3, 2), kind).numpy())
    path = tmp_path / f"picture.{kind.lower()}"
    for length in (20, 60, len(data) // 2):
        path.write_bytes(data[:length])
        with pytest.raises(RuntimeError, match=rf"picture\.{kind.lower()}' cannot be decoded"):
            vio.decode_image(path)
    rng = np.random.default_rng(1)
    for _ in range(40):  # bytes that are changed: pixels or a RuntimeError, nothing else
        broken = bytearray(data)
        for place in rng.integers(4, len(data), 6):
            broken[place] = rng.integers(256)
        path.write_bytes(broken)
        try:
            vio.decode_image(path, "RGB")
        except RuntimeError as error:
            assert path.name in str(error)


def test_pictures_that_are_too_large(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    for kind in ("png", "jpeg"):
        path = tmp_path / f"bomb.{kind}"
        path.write_bytes(bytes(encoded(smooth(), kind.upper()).numpy()))
        with pytest.raises(
            RuntimeError, match=rf"bomb\.{kind}' cannot be decoded: Image size \(768 pixels\) exceeds"
        ):
            vio.read_image(path)


def test_files(tmp_path):
    vio.write_file(tmp_path / "a", torch.arange(5, dtype=torch.uint8))
    assert vio.read_file(str(tmp_path / "a")).tolist() == [0, 1, 2, 3, 4]
    (tmp_path / "empty").touch()
    with pytest.raises(RuntimeError, match=r"non empty file, but .*empty'"):
        vio.read_file(tmp_path / "empty")
    with pytest.raises(RuntimeError, match=r"\[Errno 2\] No such file or directory: '.*none'"):
        vio.read_file(tmp_path / "none")
    with pytest.raises(RuntimeError, match=r"\[Errno 21\]"):
        vio.read_file(tmp_path)
    with pytest.raises(RuntimeError, match=r"Error opening output file '.*none/a'"):
        vio.write_file(tmp_path / "none" / "a", torch.arange(5, dtype=torch.uint8))
    for data, says in (
        (torch.arange(3), "should be uint8"),
        (torch.zeros(2, 2, dtype=torch.uint8), "1-dimensional"),
    ):
        with pytest.raises(RuntimeError, match=says):
            vio.write_file(tmp_path / "b", data)
    assert not (tmp_path / "b").exists()
    picture = torch.from_numpy(channels_first(smooth()).copy())
    vio.write_png(picture, tmp_path / "a.png", 9)
    vio.write_jpeg(picture, tmp_path / "a.jpg", 100)
    assert torch.equal(vio.read_image(tmp_path / "a.png"), picture)
    assert (vio.read_image(str(tmp_path / "a.jpg")).int() - picture.int()).abs().max() < 12
    (tmp_path / "a.txt").write_text("no picture at all")
    with pytest.raises(RuntimeError, match=r"Unsupported image file: '.*a\.txt' begins with b'no pic"):
        vio.decode_image(tmp_path / "a.txt")


BAD = torch.zeros(3, 4, 4)


@pytest.mark.parametrize("call", ["encode_png", "encode_jpeg"])
@pytest.mark.parametrize(
    ("image", "error", "says"),
    [
        (BAD, RuntimeError, "dtype should be uint8, but is torch.float32"),
        (BAD[0].byte(), RuntimeError, "should be a 3-dimensional tensor"),
        (torch.zeros(2, 4, 4, dtype=torch.uint8), RuntimeError, "channels should be 1 or 3, got: 2"),
        (torch.zeros(3, 0, 4, dtype=torch.uint8), RuntimeError, "at least one pixel"),
        (np.zeros((3, 4, 4), np.uint8), TypeError, "expected a tensor"),
    ],
)
def test_what_cannot_be_encoded(call, image, error, says):
    with pytest.raises(error, match=says):
        getattr(vio, call)(image)


def test_what_cannot_be_decoded():
    png, jpeg = encoded(drawn(COLOR)), encoded(smooth(), "JPEG")
    for call, data, error, says in (
        (vio.decode_jpeg, png, RuntimeError, "it is no JPEG file"), (vio.decode_png, jpeg, RuntimeError, "no PNG file"),
        (vio.decode_png, png.float(), RuntimeError, "uint8 data type, got torch.float32"),
        (vio.decode_png, png[None], RuntimeError, "1-dimensional and non-empty"),
        (vio.decode_gif, png[:0], RuntimeError, "1-dimensional and non-empty"),
        (vio.decode_webp, png[::2], RuntimeError, "must be contiguous"), (vio.decode_png, b"x", TypeError, "a tensor"),
    ):  # fmt: skip
        with pytest.raises(error, match=says):
            call(data)
    with pytest.raises(KeyError, match="'CMYK' is no ImageReadMode: there are UNCHANGED, GRAY"):
        vio.decode_image(png, "CMYK")
    with pytest.raises(TypeError, match="expected an ImageReadMode or its name"):
        vio.decode_image(png, 3)
    for level in (-1, 10):
        with pytest.raises(RuntimeError, match="between 0 and 9"):
            vio.encode_png(BAD.byte(), level)
    for quality in (0, 101):
        with pytest.raises(ValueError, match="between 1 and 100"):
            vio.encode_jpeg(BAD.byte(), quality)


@pytest.mark.parametrize("cuda", ["cuda"])
def test_other_device(cuda):
    data = encoded(smooth(), "JPEG")
    picture = vio.decode_jpeg(data, device=cuda)
    assert picture.device.type == "cuda" and torch.equal(picture.cpu(), vio.decode_jpeg(data))
    assert vio.encode_jpeg(picture).device.type == "cuda"
    with pytest.raises(ValueError, match="must be a CPU tensor"):
        vio.decode_jpeg(data.to(cuda))
    with pytest.raises(RuntimeError, match="should be on CPU"):
        vio.encode_png(picture)


def test_without_pillow(monkeypatch):
    data = encoded(drawn(COLOR))
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(ImportError, match=r"needs Pillow: pip install 'tritonnn\[vision\]'"):
        vio.decode_png(data)

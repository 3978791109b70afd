"""Train a small character-level transformer on plays of Shakespeare and let it write.

    python examples/char_gpt.py [--steps 500] [--device auto] [--out runs/char_gpt]

The output folder then holds `model.safetensors`, `loss.png` and `sample.txt`. The exit status is 0 when the
loss on the held-out tenth of the text (cross-entropy per character, in nats) is below `--max-loss`.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from pathlib import Path

from tqdm.auto import tqdm

import tritonnn as torch
from tritonnn import nn
from tritonnn.nn import functional as F
from tritonnn.utils.safetensors import save_file

HERE = Path(__file__).resolve().parent


class Block(nn.Module):
    """Causal self-attention and a two-layer perceptron, each behind a LayerNorm and with a shortcut."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.project = nn.Linear(width, width, bias=False)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(approximate="tanh"), nn.Linear(4 * width, width)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(batch, length, width) to the same shape."""
        batch, length, width = x.shape
        qkv = self.qkv(self.norm1(x)).view(batch, length, 3, self.heads, width // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.project(mixed.transpose(1, 2).reshape(batch, length, width))
        return x + self.mlp(self.norm2(x))


class CharGPT(nn.Module):
    """Predicts the next character at every place of a text of at most `context` characters."""

    def __init__(self, vocabulary: int, context: int, width: int, heads: int, layers: int) -> None:
        super().__init__()
        self.context = context
        self.characters = nn.Embedding(vocabulary, width)
        self.places = nn.Embedding(context, width)
        self.blocks = nn.Sequential(*[Block(width, heads) for _ in range(layers)])
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, vocabulary, bias=False)
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2:
                # What is added to the shortcut starts smaller the more layers add to it.
                last = name.endswith(("project.weight", "mlp.2.weight"))
                nn.init.normal_(parameter, std=0.02 / math.sqrt(2 * layers) if last else 0.02)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """(batch, length) character numbers to (batch, length, vocabulary) logits."""
        places = torch.arange(ids.shape[1], device=ids.device)
        x = self.characters(ids) + self.places(places)
        return self.head(self.norm(self.blocks(x)))

    def loss(self, ids: torch.Tensor) -> torch.Tensor:
        """Mean cross-entropy of each character given those before it; ids (batch, length + 1)."""
        logits = self(ids[:, :-1])
        return F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten())


class Text:
    """A text as character numbers, nine tenths for training and the last tenth held out."""

    def __init__(self, path: Path) -> None:
        text = path.read_text(encoding="utf-8")
        self.characters = sorted(set(text))
        self.number = {character: i for i, character in enumerate(self.characters)}
        ids = torch.tensor([self.number[character] for character in text])
        cut = len(text) * 9 // 10
        self.train, self.held_out = ids[:cut], ids[cut:]

    def decode(self, ids: list[int]) -> str:
        """Character numbers as text."""
        return "".join(self.characters[i] for i in ids)


def batch_of(ids: torch.Tensor, starts: torch.Tensor, length: int) -> torch.Tensor:
    """Pieces of `length` characters from each of the starts."""
    return ids[starts[:, None] + torch.arange(length)]


@torch.no_grad()
def evaluate(model: CharGPT, ids: torch.Tensor, device: torch.device, pieces: int) -> float:
    """Mean loss over pieces spread evenly over the held-out text."""
    model.eval()
    starts = torch.linspace(0, len(ids) - model.context - 1, pieces).long()
    losses = [
        model.loss(batch_of(ids, part, model.context + 1).to(device)).item() * len(part)
        for part in starts.split(64)
    ]
    model.train()
    return sum(losses) / pieces


def rate(step: int, args: argparse.Namespace) -> float:
    """Learning rate: linear warm-up, then a cosine down to a tenth."""
    warm = max(1, min(50, args.steps // 10))
    if step < warm:
        return args.lr * (step + 1) / warm
    done = (step - warm) / max(1, args.steps - warm)
    return args.lr * (0.1 + 0.45 * (1 + math.cos(math.pi * done)))


def train(model: CharGPT, text: Text, args: argparse.Namespace) -> list[tuple[int, float, float]]:
    """Trains the model; returns (step, training loss, held-out loss) from time to time."""
    device = next(model.parameters()).device
    matrices = [p for p in model.parameters() if p.dim() == 2]
    others = [p for p in model.parameters() if p.dim() != 2]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}],
        lr=args.lr,
        betas=(0.9, 0.98),
    )
    every = max(1, args.steps // 10)
    history, recent = [], []
    with tqdm(total=args.steps, unit="step", desc="training", file=sys.stdout) as bar:
        for step in range(args.steps):
            for group in optimizer.param_groups:
                group["lr"] = rate(step, args)
            starts = torch.randint(len(text.train) - args.context - 1, (args.batch_size,))
            loss = model.loss(batch_of(text.train, starts, args.context + 1).to(device))
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            recent.append(loss.item())
            bar.update()
            if (step + 1) % every == 0 or step + 1 == args.steps:
                last = step + 1 == args.steps
                held_out = evaluate(model, text.held_out, device, 512 if last else 128)
                mean = sum(recent) / len(recent)
                history.append((step + 1, mean, held_out))
                bar.write(f"step {step + 1:4d}  training loss {mean:.3f}  validation loss {held_out:.3f}")
                recent.clear()
    return history


@torch.no_grad()
def write(model: CharGPT, text: Text, length: int, prompt: str, temperature: float = 0.8) -> str:
    """Lets the model continue a prompt, one character at a time."""
    model.eval()
    device = next(model.parameters()).device
    ids = [text.number[character] for character in prompt]
    for _ in range(length):
        window = torch.tensor([ids[-model.context :]], device=device)
        probabilities = F.softmax(model(window)[0, -1] / temperature, dim=-1)
        ids.append(torch.multinomial(probabilities, 1).item())
    return text.decode(ids)


def plot(history: list[tuple[int, float, float]], path: Path) -> None:
    """Draws both losses over the steps."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 4))
    for column, label in ((1, "training"), (2, "held out")):
        axes.plot([row[0] for row in history], [row[column] for row in history], marker="o", label=label)
    axes.set(title="Character-level loss", xlabel="step", ylabel="nats per character")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)


def parse_arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--context", type=int, default=64, help="characters the model sees")
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--lr", type=float, default=5e-3, help="largest learning rate")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--device", default="auto", help="'auto' (a GPU where there is one), 'cpu', 'cuda', ..."
    )
    parser.add_argument("--threads", type=int, default=1, help="more only help on an otherwise idle machine")
    parser.add_argument("--data", type=Path, default=HERE / "data" / "shakespeare.txt")
    parser.add_argument("--out", type=Path, default=Path("runs/char_gpt"), help="folder for the results")
    parser.add_argument("--sample", type=int, default=500, help="characters to write at the end")
    parser.add_argument("--max-loss", type=float, default=2.0, help="more on the held-out text is a failure")
    args = parser.parse_args(argv)
    if args.width % args.heads:
        parser.error("--width must be a multiple of --heads")
    return args


def main(argv: list[str] | None = None) -> int:
    """Runs the whole example; returns the exit status."""
    args = parse_arguments(argv)
    start = time.perf_counter()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    fastest = "cuda" if torch.cuda.is_available() else "cpu"
    device = torch.device(fastest if args.device == "auto" else args.device)
    text = Text(args.data)
    model = CharGPT(len(text.characters), args.context, args.width, args.heads, args.layers).to(device)
    weights = sum(p.numel() for p in model.parameters())
    print(f"{len(text.train):,} characters to train on, {weights:,} weights, on {device}")
    history = train(model, text, args)

    args.out.mkdir(parents=True, exist_ok=True)
    save_file(model.state_dict(), args.out / "model.safetensors")
    plot(history, args.out / "loss.png")
    sample = write(model, text, args.sample, prompt="\n")
    (args.out / "sample.txt").write_text(sample, encoding="utf-8")
    print(sample)
    print(f"results in {args.out}/: model.safetensors, loss.png, sample.txt")
    print(f"validation loss {history[-1][2]:.3f}, {time.perf_counter() - start:.1f} s in all")
    if not history[-1][2] < args.max_loss:
        print(f"FAILED: the loss should be below {args.max_loss}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

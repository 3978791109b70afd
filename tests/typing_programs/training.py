"""A user's program: data, models, losses, optimizers, distributions, transforms. It is read by type checkers.

A line that is wrong on purpose says in its comment with which code mypy refuses it; pyright has to refuse it too, and
both have to accept all other lines.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import tritonnn as torch
import tritonnn.nn as nn
import tritonnn.nn.functional as F
from tritonnn import Tensor, optim
from tritonnn.autograd import Function
from tritonnn.distributions import Categorical, Independent, Normal, kl_divergence
from tritonnn.func import functional_call, grad, vmap
from tritonnn.nn.utils import clip_grad_norm_
from tritonnn.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, OneCycleLR
from tritonnn.utils.checkpoint import checkpoint
from tritonnn.utils.data import DataLoader, Dataset, IterableDataset, Subset, TensorDataset, random_split


@dataclass
class Settings:
    width: int = 64
    depth: int = 2
    heads: int = 4
    classes: int = 10
    rate: float = 3e-4
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    dtype: torch.dtype = torch.float32


# ---- data


class Pairs(Dataset[tuple[Tensor, Tensor]]):
    def __init__(self, n: int, classes: int) -> None:
        generator = torch.Generator().manual_seed(0)
        self.x = torch.randn(n, 16, generator=generator)
        self.y = torch.randint(0, classes, (n,), generator=generator)

    def __len__(self) -> int:
        return self.x.shape[0]

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.x[index], self.y[index]


class Stream(IterableDataset[Tensor]):
    def __iter__(self) -> Iterator[Tensor]:
        for _ in range(10):
            yield torch.rand(3)


def loaders(
    settings: Settings,
) -> tuple[DataLoader[tuple[Tensor, Tensor]], DataLoader[tuple[Tensor, Tensor]]]:
    whole = Pairs(1000, settings.classes)
    train, valid = random_split(whole, [900, 100], generator=torch.Generator())
    return DataLoader(train, batch_size=32, shuffle=True, drop_last=True), DataLoader(valid, batch_size=100)


def collate(rows: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    xs, ys = zip(*rows, strict=True)
    return torch.stack(xs), torch.stack(ys)


some = DataLoader(Pairs(8, 2), 4, collate_fn=collate, num_workers=0, pin_memory=False)
DataLoader(Pairs(8, 2), batch_size="4")  # error: arg-type
DataLoader(Pairs(8, 2), shufle=True)  # error: call-arg
first: torch.Size = Subset(Pairs(8, 2), [0, 1])[0][0].shape
TensorDataset(torch.ones(2), [1, 2])  # error: arg-type


# ---- models


class Attention(nn.Module):
    scale: Tensor

    def __init__(self, width: int, heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)
        self.gain = nn.Parameter(torch.ones(heads))
        self.register_buffer("scale", torch.tensor(width**-0.5))

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        batch, length, width = x.shape
        q, k, v = self.qkv(x).view(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=mask is None)
        mixed = mixed * self.gain[:, None, None] * self.scale
        return self.dropout(self.out(mixed.transpose(1, 2).reshape(batch, length, width)))


class Block(nn.Module):
    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.attention = Attention(settings.width, settings.heads)
        self.norms = nn.ModuleList([nn.LayerNorm(settings.width) for _ in range(2)])
        wide = 4 * settings.width
        self.mlp = nn.Sequential(nn.Linear(settings.width, wide), nn.GELU(), nn.Linear(wide, settings.width))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.norms[0](x))
        return x + self.mlp(self.norms[1](x))


class Classifier(nn.Module):
    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.embed = nn.Embedding(256, settings.width, padding_idx=0)
        self.convolution = nn.Conv1d(settings.width, settings.width, 3, padding=1)
        self.blocks = nn.ModuleList(Block(settings) for _ in range(settings.depth))
        self.recurrent = nn.LSTM(settings.width, settings.width, batch_first=True)
        self.head = nn.Linear(settings.width, settings.classes)
        self.apply(self.initialise)

    @staticmethod
    def initialise(module: nn.Module) -> None:
        if isinstance(module, nn.Linear):
            nn.init.trunc_normal_(module.weight, std=0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.convolution(self.embed(tokens).transpose(1, 2)).transpose(1, 2)
        for block in self.blocks:
            x = checkpoint(block, x, use_reentrant=False)
        x, (hidden, _) = self.recurrent(x)
        return self.head(x.mean(1) + hidden[-1])


nn.Conv1d(8, 8)  # error: call-arg
nn.LayerNorm(8, epsilon=1e-5)  # error: call-arg
nn.LSTM(8, 8, num_layers="2")  # error: arg-type
nn.Embedding("256", 8)  # error: arg-type
nn.init.trunc_normal(torch.ones(1))  # error: attr-defined
nn.Sequential(nn.Linear(2, 2), "relu")  # error: call-overload
nn.Parameter("weight")  # error: arg-type
F.scaled_dot_product_attention(torch.ones(1), torch.ones(1))  # error: call-arg
F.gelu(torch.ones(1), approximate=True)  # error: arg-type
F.cross_entropy(torch.ones(1, 2), torch.zeros(1), label_smoothing="0.1")  # error: arg-type


# ---- functions with a gradient of their own


class Clamp(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, limit: float) -> Tensor:
        ctx.save_for_backward(x)
        ctx.limit = limit
        return x.clamp(-limit, limit)

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor, None]:
        (x,) = ctx.saved_tensors
        return grad_output * (x.abs() <= ctx.limit), None


clamped: Tensor = Clamp.apply(torch.randn(3), 0.5)
Clamp.aply(torch.randn(3))  # error: attr-defined


# ---- training


def train(settings: Settings, steps: int) -> float:
    torch.manual_seed(0)
    model = Classifier(settings).to(settings.device, settings.dtype)
    decayed = [p for p in model.parameters() if p.ndim > 1]
    others = [p for name, p in model.named_parameters() if p.ndim <= 1 and not name.endswith("gain")]
    optimizer = optim.AdamW(
        [{"params": decayed, "weight_decay": 0.1}, {"params": others}], lr=settings.rate, betas=(0.9, 0.95)
    )
    scheduler = LambdaLR(optimizer, lambda step: min(1.0, (step + 1) / 10))
    scaler = torch.amp.GradScaler(enabled=False)
    loader, held_out = loaders(settings)
    best, losses = float("inf"), []
    for step, (x, y) in enumerate(loader):
        x, y = x.to(settings.device, non_blocking=True), y.to(settings.device)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=False):
            logits = model((x * 10).long().clamp(0, 255))
            loss = F.cross_entropy(logits, y, label_smoothing=0.1)
        optimizer.zero_grad(set_to_none=True)
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        norm = clip_grad_norm_(model.parameters(), max_norm=1.0)
        scaler.step(optimizer)
        scaler.update()
        scheduler.step()
        losses.append(loss.item())
        if step >= steps or not bool(torch.isfinite(norm)):
            break
    best = min(best, evaluate(model, held_out))
    torch.save(
        {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "losses": losses}, Path("last.pt")
    )
    kept = torch.load("last.pt", map_location=settings.device, weights_only=True)
    model.load_state_dict(kept["model"], strict=True)
    print(f"rate {scheduler.get_last_lr()[0]:.2e}, {sum(p.numel() for p in model.parameters()):,} parameters")
    return best


@torch.no_grad()
def evaluate(model: nn.Module, loader: DataLoader[tuple[Tensor, Tensor]]) -> float:
    model.eval()
    right, total = 0, 0
    for x, y in loader:
        guess = model(x).argmax(dim=-1)
        right += int((guess == y).sum())
        total += len(y)
    model.train()
    return right / total


linear = nn.Linear(2, 2)
optim.SGD(linear.parameters(), lr="0.1")  # error: arg-type
optim.AdamW(linear.parameters(), rate=0.1)  # error: call-arg
optim.Lamb(linear.parameters())  # error: attr-defined
sgd = optim.SGD(linear.parameters(), lr=0.1, momentum=0.9, nesterov=True)
CosineAnnealingLR(sgd, T_max=10, eta_min=1e-5).step()
OneCycleLR(sgd, max_lr=0.1, total_steps=10).get_last_lr()
CosineAnnealingLR(linear, 10)  # error: arg-type
OneCycleLR(sgd, max_rate=0.1)  # error: call-arg
sgd.stepp()  # error: attr-defined
clip_grad_norm_(linear.parameters(), "1")  # error: arg-type
evaluate(linear, [1, 2])  # error: arg-type
accuracy: str = evaluate(linear, DataLoader(Pairs(2, 2)))  # error: assignment
torch.save(linear.state_dict())  # error: call-arg


# ---- distributions and transforms


def policy(logits: Tensor, location: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    choice = Categorical(logits=logits)
    action = choice.sample()
    near = Independent(Normal(location, torch.ones_like(location)), 1)
    far = Independent(Normal(torch.zeros_like(location), 2.0), 1)
    return action, choice.log_prob(action) + near.rsample().sum(-1), kl_divergence(near, far)


def loss_of(parameters: dict[str, Tensor], x: Tensor) -> Tensor:
    return functional_call(linear, parameters, (x,)).pow(2).sum()


parameters = {name: p.detach() for name, p in linear.named_parameters()}
gradients = vmap(grad(loss_of), in_dims=(None, 0))(parameters, torch.randn(5, 2))
quadratic = torch.func.hessian(lambda x: (x**3).sum())(torch.ones(3))
Normal(0.0, 1.0).log_probability(torch.ones(1))  # error: attr-defined
Normal(0.0, scale="1")  # error: arg-type
Categorical(logit=torch.ones(2))  # error: call-arg
kl_divergence(Normal(0.0, 1.0), 2.0)  # error: arg-type
grad(loss_of, argnum=0)  # error: call-arg
vmap(loss_of, in_dims="0")  # error: arg-type
torch.func.hesian(loss_of)  # error: attr-defined
functional_call("linear", parameters, torch.ones(2))  # error: arg-type


# ---- tensors


def moments(x: Tensor, dims: tuple[int, ...] = (0,)) -> tuple[Tensor, Tensor]:
    mean, variance = x.mean(dims, keepdim=True), x.var(dims, keepdim=True, correction=0)
    values, indices = x.flatten().topk(3)
    table = torch.zeros(4, dtype=torch.long).scatter_add_(0, indices % 4, torch.ones_like(indices))
    u, s, vh = torch.linalg.svd(x.reshape(len(x), -1), full_matrices=False)
    spectrum: Tensor = torch.fft.rfft(values).abs()
    array: np.ndarray = (u @ torch.diag(s) @ vh).cpu().numpy()
    mixed = torch.einsum("ij,jk->ik", torch.from_numpy(array), vh) + table.sum() + spectrum[0]
    low, high = float(mixed.min()), mixed.max().item()
    return torch.where(x > low, (x - mean) / variance.sqrt(), torch.full_like(x, high)), mixed


torch.linalg.svd(torch.ones(2, 2), full=False)  # error: call-arg
torch.cat("ab")  # error: arg-type
torch.fft.rftt(torch.ones(2))  # error: attr-defined
torch.ones(2).scatter_add_(0, torch.zeros(2))  # error: call-arg
torch.ones(2).topk("3")  # error: arg-type
torch.full_like(torch.ones(2))  # error: call-arg
moments(torch.ones(2), dims=0)  # error: arg-type
torch.from_numpy([1.0])  # error: arg-type
torch.stack([torch.ones(2)], dimension=0)  # error: call-arg
torch.randn(2, dtype="float32")  # error: arg-type
torch.ones(2).sum().mean.item()  # error: attr-defined
torch.device(1.5)  # error: arg-type
torch.Generator().manual_seed("0")  # error: arg-type


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=20)
    print(train(Settings(), parser.parse_args().steps))

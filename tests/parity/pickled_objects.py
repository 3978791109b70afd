"""Objects that one library pickles and the other uses: a program for either, `FILE write|read FOLDER`."""

from __future__ import annotations

import json
import pickle
import sys
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def objects() -> dict[str, Any]:
    torch.manual_seed(0)
    rows = TensorDataset(torch.arange(6.0).view(3, 2))
    tensors = [torch.ones(2), torch.ones(2, 3).t(), torch.ones(2, dtype=torch.bfloat16), torch.ones(1) > 0]
    return {
        "lstm": nn.LSTM(3, 4, num_layers=2, bidirectional=True), "projected": nn.LSTM(3, 4, proj_size=2),
        "gru": nn.GRU(3, 4, batch_first=True), "rnn": nn.RNN(3, 4, nonlinearity="relu"),
        "spectral": nn.utils.spectral_norm(nn.Linear(3, 4)).eval(), "weight": nn.utils.weight_norm(nn.Linear(3, 4)),
        "layers": nn.Sequential(nn.Linear(3, 4), nn.ReLU()), "cell": nn.GRUCell(3, 4),
        "tensors": tensors, "parameter": [nn.Parameter(torch.ones(2)), torch.float16, torch.device("cpu")],
        "special": [torch.special.gammaln, torch.special.erf], "linalg": [torch.linalg.norm], "fft": [torch.fft.rfft],
        "scaler": torch.amp.GradScaler("cpu", init_scale=8.0), "loader": DataLoader(rows, batch_size=2),
        "sgd": torch.optim.SGD([nn.Parameter(torch.ones(2))], lr=0.1, momentum=0.9),
    }  # fmt: skip


def used(found: Any) -> Any:
    """What comes of using an object, as JSON may hold it."""
    if isinstance(found, list):
        return [used(item) for item in found]
    if isinstance(found, nn.Module):
        x = torch.arange(18.0).view(2, 3, 3) / 9
        y = found(x[0]) if isinstance(found, (nn.Linear, nn.Sequential, nn.GRUCell)) else found(x)[0]
        count = len(found.all_weights) if isinstance(found, nn.RNNBase) else len(list(found.parameters()))
        return [repr(found), count, sorted(found.state_dict()), [round(v, 4) for v in y.flatten().tolist()]]
    if isinstance(found, torch.Tensor):
        return [str(found.dtype), found.tolist(), found.stride(), found.requires_grad]
    if isinstance(found, DataLoader):
        return [len(found), [batch[0].tolist() for batch in found]]
    if isinstance(found, torch.amp.GradScaler):
        return [found.state_dict(), found.is_enabled()]
    if isinstance(found, torch.optim.Optimizer):
        [leaf] = found.param_groups[0]["params"]
        leaf.sum().backward()
        found.step()
        return [repr(found), [round(v, 4) for v in leaf.tolist()]]
    return str(found) if not callable(found) else found(torch.tensor([1.0, 3.0])).abs().sum().round().item()


def write(folder: Path) -> None:
    for name, value in objects().items():
        (folder / f"{name}.pickle").write_bytes(pickle.dumps(value))
        torch.save(value, folder / f"{name}.pt")


def read(folder: Path) -> dict[str, Any]:
    found = {}
    for file in sorted(folder.iterdir()):
        try:
            whole = pickle.loads(file.read_bytes()) if file.suffix == ".pickle" else None
            found[file.name] = used(torch.load(file, weights_only=False) if whole is None else whole)
        except Exception as error:
            found[file.name] = f"{type(error).__name__}: {error}"
    return found


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    if sys.argv[1] == "write":
        write(Path(sys.argv[2]))
    else:
        print(json.dumps(read(Path(sys.argv[2]))))

"""Plain pickles that PyTorch writes, read where tritonnn is served in its place."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

import torch
from torch import nn

ROOT = Path(__file__).resolve().parents[2]
READ = """
import pickle, sys, torch
from torch.utils.data import default_collate as collate
with open(sys.argv[1], "rb") as file:
    read = pickle.load(file)
print(torch.__name__, read["model"](torch.ones(2, 3)).tolist())
print(read["view"].tolist(), read["view"].stride(), read["half"].dtype, read["layout"], read["relu"] is torch.relu)
print(read["optimizer"].state_dict()["state"][0]["exp_avg"].tolist(), read["collate"] is collate)
"""


def test_pickles_of_pytorch(tmp_path):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Tanh()).eval()
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.ones(2, 3)).sum().backward()
    optimizer.step()
    values = {
        "model": model,
        "optimizer": optimizer,
        "view": torch.arange(6.0).view(2, 3).t(),
        "half": torch.ones(2, dtype=torch.bfloat16),
        "layout": torch.strided,
        "relu": torch.relu,
        "collate": torch.utils.data.default_collate,
    }
    (tmp_path / "values.pickle").write_bytes(pickle.dumps(values))
    (tmp_path / "read.py").write_text(READ)
    command = [sys.executable, "-m", "tritonnn", "run", tmp_path / "read.py", tmp_path / "values.pickle"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert not done.returncode, done.stderr
    first, second, third = done.stdout.splitlines()
    assert first.startswith("torch ")
    outputs = torch.tensor(eval(first.removeprefix("torch ")))
    torch.testing.assert_close(outputs, model(torch.ones(2, 3)).detach())
    assert second == f"{values['view'].tolist()} (1, 3) torch.bfloat16 torch.strided True"
    assert third == f"{optimizer.state_dict()['state'][0]['exp_avg'].tolist()} True"

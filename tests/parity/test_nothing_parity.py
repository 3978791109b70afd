"""What PyTorch computes of types it else refuses, where there is nothing to compute or nothing to add up."""

from __future__ import annotations

from typing import Any

import pytest
from programs import hold

DEVICES = pytest.mark.parametrize("device", ["cpu", "cuda"])
KINDS = ("bool", "uint8", "int64", "complex64", "uint16", "float8_e5m2")
SOFTMAX = """
F.softmax(torch.zeros(0, dtype=kind), 0)
F.softmax(torch.zeros(0, 3, dtype=kind), 1)
F.softmax(torch.zeros(2, 0, dtype=kind), 0)
F.log_softmax(torch.zeros(0, 3, dtype=kind), 0)
torch.softmax(torch.zeros(2, 0, dtype=torch.float32), 1, dtype=kind)
torch.zeros(0, 3, dtype=kind).log_softmax(-1)
F.softmax(torch.zeros(0, 3, dtype=kind), 2)
F.softmax(torch.zeros(2, 3, dtype=kind), 2)
F.log_softmax(torch.zeros(2, 3, dtype=kind), 2)
torch.softmax(torch.zeros(2, 3, dtype=kind), -3)
F.softmax(torch.zeros((), dtype=kind), 1)
F.softmax(torch.ones(2, 3, dtype=kind), 1)
F.log_softmax(torch.ones(2, 3, dtype=kind), 1)
F.softmax(torch.zeros(0, 3, dtype=torch.complex64, requires_grad=True), 1)
torch.log_softmax(torch.zeros(0, 3, dtype=torch.complex64, requires_grad=True), 1)
F.softmax(torch.ones(2, 3, dtype=torch.complex64, requires_grad=True), 1)
F.softmax(torch.ones(2, 3, dtype=torch.complex64, requires_grad=True), 4)
"""


@DEVICES
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("line", SOFTMAX.split("\n")[1:-1])
def test_softmax_of_nothing_is_nothing_of_any_type(line, kind, device):
    def names(library: Any) -> dict[str, Any]:
        return {"kind": getattr(library, kind)}

    hold(line, names, device)


PRODUCTS = """
torch.einsum("ij,k->ik", torch.ones(3, 1, dtype=B), torch.ones(2, dtype=B))
torch.einsum("k,ij->ik", torch.ones(2, dtype=B), torch.ones(3, 1, dtype=B))
torch.einsum("k,ij->ik", torch.ones(2, dtype=B), torch.ones(3, 2, dtype=B))
torch.einsum("k,ij->ik", torch.ones(2, dtype=B), torch.ones(3, 0, dtype=B))
torch.einsum("i,i->", torch.ones(1, dtype=B), torch.zeros(0, dtype=B))
torch.einsum("ij,jk->ik", torch.ones(3, 1, dtype=B), torch.ones(0, 2, dtype=B))
torch.einsum("ij,jk->ik", torch.ones(3,1, dtype=torch.uint8), torch.ones(2,2, dtype=torch.uint8))
torch.einsum("ij,jk->ik", torch.ones(3,2, dtype=I), torch.ones(1,2, dtype=I))
torch.einsum("ij,k->ik", torch.ones(3,2, dtype=I), torch.ones(2, dtype=I))
torch.einsum("i,j->ij", torch.ones(2, dtype=I), torch.ones(2, dtype=F32))
torch.einsum("i,i->i", torch.ones(2, dtype=I), torch.ones(2, dtype=F32))
torch.einsum("i,i->", torch.ones(2, dtype=I), torch.ones(2, dtype=F32))
torch.einsum("i,i->", torch.ones(1, dtype=I), torch.ones(2, dtype=F32))
torch.einsum("i,i->", torch.ones(2, dtype=I), torch.ones(1, dtype=F32))
torch.einsum("ij,ij,k->ik", torch.ones(2, 1, dtype=B), torch.ones(1, 3, dtype=B), torch.ones(2, dtype=B))
torch.einsum("ij,jk,kl->il", torch.ones(2, 1, dtype=B), torch.ones(1, 3, dtype=B), torch.ones(1, 2, dtype=B))
torch.einsum("ijk,ijk->k", torch.ones(2, 1, 2, dtype=B), torch.ones(1, 3, 2, dtype=B))
torch.einsum("ijk,ijk->k", torch.ones(2, 3, 2, dtype=B), torch.ones(1, 3, 2, dtype=B))
torch.einsum("i,i,i->i",*[torch.ones(2, dtype=B)] * 3)
torch.einsum("...i,...j->...ij", torch.ones(2, 3, dtype=B), torch.ones(1, 2, dtype=B))
torch.einsum("ii,j->ij", torch.ones(2, 2, dtype=B), torch.ones(2, dtype=B))
torch.einsum(",->", torch.tensor(True), torch.tensor(False))
torch.einsum(",i->i", torch.tensor(True), torch.ones(2, dtype=B))
torch.einsum("i->i", torch.ones(2, dtype=B))
torch.einsum("ij,jk->ki", torch.ones(2, 1, dtype=B), torch.ones(1, 3, dtype=B))
torch.einsum("ij,jk->ik", torch.ones(3, 2, dtype=B), torch.ones(2, 0, dtype=B))
torch.einsum("ij,jk->ki", torch.ones(3, 2, dtype=B), torch.ones(2, 0, dtype=B))
torch.einsum("i,j->ij", torch.ones(3, dtype=torch.uint16), torch.ones(2, dtype=torch.uint16))
torch.einsum("i,j->ij", torch.ones(3, requires_grad=True), torch.ones(2, dtype=I))
torch.bmm(torch.ones(2, 3, 2, dtype=B), torch.ones(2, 2, 0, dtype=B))
torch.mm(torch.ones(3, 2, dtype=B), torch.ones(2, 0, dtype=B))
torch.mm(torch.ones(0, 2, dtype=B), torch.ones(2, 2, dtype=B))
torch.mv(torch.ones(0, 2, dtype=B), torch.ones(2, dtype=B))
torch.matmul(torch.ones(0, 2, dtype=B), torch.ones(2, dtype=B))
torch.matmul(torch.ones(3, 2, dtype=B), torch.ones(2, 0, dtype=B))
torch.matmul(torch.ones(2, 3, 2, dtype=B), torch.ones(2, 2, 0, dtype=B))
torch.einsum("i,j->ij", torch.tensor([True,False]), torch.tensor([True,True]))
torch.einsum("i,i->i", torch.tensor([True,False]), torch.tensor([True,True]))
torch.einsum("i,i->", torch.tensor([True,False]), torch.tensor([True,True]))
torch.einsum("i,i->", torch.tensor([True]), torch.tensor([True]))
torch.einsum("i,i->", torch.zeros(0, dtype=B), torch.zeros(0, dtype=B))
torch.einsum("ij,jk->ik", torch.ones(2, 1, dtype=B), torch.ones(1, 3, dtype=B))
torch.einsum("ij,jk->ik", torch.ones(2, 0, dtype=B), torch.ones(0, 3, dtype=B))
torch.einsum("ij,jk->ik", torch.ones(0, 2, dtype=B), torch.ones(2, 3, dtype=B))
torch.einsum("ij,jk->ik", torch.ones(3, 2, dtype=B), torch.ones(2, 2, dtype=B))
torch.einsum("ij,jk->ik", torch.ones(3, 1, dtype=B), torch.ones(2, 2, dtype=B))
torch.einsum("ij,jk->ik", torch.ones(3, 2, dtype=B), torch.ones(1, 2, dtype=B))
torch.einsum("ij->i", torch.ones(3, 2, dtype=B))
torch.einsum("ij->", torch.ones(3, 2, dtype=B))
torch.einsum("ii->", torch.ones(2, 2, dtype=B))
torch.einsum("ij->", torch.ones(1, 1, dtype=B))
torch.einsum("ij,k->k", torch.ones(3, 2, dtype=B), torch.ones(2, dtype=B))
torch.einsum("ij,k->ik", torch.ones(3, 2, dtype=B), torch.ones(2, dtype=B))
torch.einsum("i,j,k->ijk",*[torch.ones(2, dtype=B)] * 3)
torch.einsum("i,j,j->i",*[torch.ones(2, dtype=B)] * 3)
torch.einsum("bij,bjk->bik", torch.ones(2, 2, 1, dtype=B), torch.ones(2, 1, 2, dtype=B))
torch.einsum("bij,bjk->bik", torch.ones(2, 2, 2, dtype=B), torch.ones(2, 2, 2, dtype=B))
torch.einsum("bij,bjk->bik", torch.ones(0, 2, 2, dtype=B), torch.ones(0, 2, 2, dtype=B))
torch.einsum("bij,bjk->bik", torch.ones(2, 0, 2, dtype=B), torch.ones(2, 2, 2, dtype=B))
torch.einsum("bij,bjk->bik", torch.ones(2, 2, 0, dtype=B), torch.ones(2, 0, 2, dtype=B))
torch.tensordot(torch.ones(2, 1, dtype=B), torch.ones(1, 3, dtype=B),1)
torch.tensordot(torch.ones(2, 3, dtype=B), torch.ones(3, 3, dtype=B),0)
torch.tensordot(torch.ones(2, 0, dtype=B), torch.ones(0, 3, dtype=B),1)
"""


@DEVICES
@pytest.mark.parametrize("line", PRODUCTS.split("\n")[1:-1])
def test_truth_values_are_multiplied_where_nothing_is_added_up(line, device):
    if device == "cuda" and "uint16" in line:
        pytest.skip("computed on the CPU only")

    def names(library: Any) -> dict[str, Any]:
        return {"B": library.bool, "I": library.int32, "F32": library.float32}

    hold(line, names, device)

"""torch_geometric: graphs in batches, layers that pass messages, their training, pooling and helpers."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch_geometric import nn as gnn
from torch_geometric import utils
from torch_geometric.data import Batch, Data, HeteroData
from torch_geometric.loader import DataLoader
from torch_geometric.transforms import AddSelfLoops, Compose, NormalizeFeatures, RandomNodeSplit, ToUndirected
from weights import drawn, fill


def _graph(name="graph", nodes=12, edges=30, features=5):
    ends = (drawn(name, 2, edges).abs() * 100).long() % nodes
    return Data(
        drawn(f"{name} x", nodes, features), ends, drawn(f"{name} e", edges, 3), torch.arange(nodes) % 3
    )


LAYERS = {
    "GCN": lambda i, o: gnn.GCNConv(i, o),
    "GAT": lambda i, o: gnn.GATConv(i, o, heads=2, concat=False),
    "GATv2": lambda i, o: gnn.GATv2Conv(i, o, heads=2, concat=False, edge_dim=3),
    "SAGE": lambda i, o: gnn.SAGEConv(i, o),
    "SAGE max": lambda i, o: gnn.SAGEConv(i, o, aggr="max"),
    "GIN": lambda i, o: gnn.GINConv(
        torch.nn.Sequential(torch.nn.Linear(i, o), torch.nn.ReLU(), torch.nn.Linear(o, o))
    ),
    "Graph": lambda i, o: gnn.GraphConv(i, o),
    "Cheb": lambda i, o: gnn.ChebConv(i, o, 3),
    "Transformer": lambda i, o: gnn.TransformerConv(i, o, edge_dim=3),
    "TAG": lambda i, o: gnn.TAGConv(i, o),
    "NN": lambda i, o: gnn.NNConv(i, o, torch.nn.Linear(3, i * o)),
    "PNA": lambda i, o: gnn.PNAConv(i, o, ["mean", "max", "std"], ["identity"], torch.tensor([1, 2, 3])),
}


class Net(torch.nn.Module):
    def __init__(self, make):
        super().__init__()
        self.first, self.second = make(5, 8), make(8, 3)
        self.edges = isinstance(self.first, (gnn.GATv2Conv, gnn.TransformerConv, gnn.NNConv))

    def forward(self, data):
        more = (data.edge_attr,) if self.edges else ()
        x = F.elu(self.first(data.x, data.edge_index, *more))
        return self.second(x, data.edge_index, *more)


@pytest.mark.parametrize("layer", LAYERS)
def test_layers_train(expected, layer):
    model, data = fill(Net(LAYERS[layer])), _graph()
    optimizer, losses = torch.optim.Adam(model.parameters(), lr=0.01), []
    for _ in range(4):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(data), data.y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    expected("losses", losses, rtol=1e-5)


class Edgewise(gnn.MessagePassing):
    def __init__(self, aggr):
        super().__init__(aggr=aggr)
        self.mlp = torch.nn.Linear(10, 4)

    def forward(self, x, edge_index):
        return self.propagate(edge_index, x=x)

    def message(self, x_i, x_j):
        return self.mlp(torch.cat([x_i, x_j - x_i], dim=1))

    def update(self, out):
        return out.relu()


@pytest.mark.parametrize("aggr", ["sum", "mean", "max", "min", "mul", "std", "var", "median", "softmax"])
def test_messages_of_a_programs_own(expected, aggr):
    data, layer = _graph(), fill(Edgewise(aggr))
    x = data.x.requires_grad_()
    out = layer(x, data.edge_index)
    (out * drawn("grad", *out.shape)).sum().backward()
    expected("out", out, rtol=1e-3, atol=1e-5)
    expected("grad", x.grad, rtol=1e-3, atol=1e-5)
    explained = layer.inspector.get_signature(layer.message)
    assert list(explained.param_dict) == ["x_i", "x_j"]


def test_batches_of_graphs(expected):
    graphs = [_graph(f"g{i}", nodes=4 + i, edges=8 + i) for i in range(6)]
    model = fill(Net(LAYERS["GCN"]))
    losses = []
    for batch in DataLoader(graphs, batch_size=3):
        assert batch.num_graphs == 3 and batch.batch.max() == 2
        pooled = (
            gnn.global_mean_pool(model(batch), batch.batch) + gnn.global_max_pool(batch.x, batch.batch)[:, :3]
        )
        losses.append(F.cross_entropy(pooled, torch.arange(3)).item())
    expected("losses", losses, rtol=1e-5)
    batch = Batch.from_data_list(graphs)
    assert torch.equal(batch.get_example(2).edge_index, graphs[2].edge_index)
    assert [g.num_nodes for g in batch.to_data_list()] == [4, 5, 6, 7, 8, 9]
    dense, mask = utils.to_dense_batch(batch.x, batch.batch)
    expected("dense", dense.sum((0, 2)))
    assert mask.sum() == batch.num_nodes
    normalized = gnn.GraphNorm(5)(batch.x, batch.batch)
    expected("normalized", normalized, rtol=1e-3, atol=1e-5)


def test_helpers(expected):
    data = _graph()
    looped, weights = utils.add_self_loops(data.edge_index, torch.ones(30), num_nodes=12)
    assert looped.shape[1] == 42 and weights.shape == (42,)
    expected("coalesced", utils.coalesce(data.edge_index, torch.ones(30))[1])
    expected("softmax", utils.softmax(drawn("s", 30), data.edge_index[0], num_nodes=12))
    expected("degree", utils.degree(data.edge_index[0], 12))
    expected("laplacian", utils.get_laplacian(data.edge_index, normalization="sym", num_nodes=12)[1])
    expected("scattered", utils.scatter(drawn("s", 30, 2), data.edge_index[1], dim_size=12, reduce="mean"))
    expected("adjacency", utils.to_dense_adj(data.edge_index, max_num_nodes=12)[0].sum(0))
    assert utils.is_undirected(utils.to_undirected(data.edge_index))
    nodes, *_ = utils.k_hop_subgraph([0, 1], 1, data.edge_index, num_nodes=12)
    expected("hops", nodes)
    sparse = utils.to_torch_csr_tensor(data.edge_index, size=(12, 12))
    expected("product", (sparse @ data.x).sum(1))
    ready = Compose([ToUndirected(), AddSelfLoops(), NormalizeFeatures()])(data.clone())
    expected("rows", ready.x.sum(1))
    split = RandomNodeSplit(num_val=3, num_test=3)(data.clone())
    assert int(split.train_mask.sum()) == 6
    segments = utils.segment(drawn("seg", 6, 2), torch.tensor([0, 2, 2, 6]), reduce="sum")
    expected("segments", segments)


def test_kinds_of_nodes(expected):
    data = HeteroData()
    data["user"].x, data["item"].x = drawn("users", 4, 3), drawn("items", 6, 2)
    data["user", "buys", "item"].edge_index = torch.tensor([[0, 1, 2, 3, 3], [0, 1, 5, 2, 3]])
    data["item", "bought", "user"].edge_index = torch.tensor([[0, 1, 5, 2, 3], [0, 1, 2, 3, 3]])
    layer = gnn.HeteroConv({
        ("user", "buys", "item"): gnn.SAGEConv((3, 2), 4),
        ("item", "bought", "user"): gnn.GATConv((2, 3), 4, add_self_loops=False),
    })  # fmt: skip
    out = fill(layer)(data.x_dict, data.edge_index_dict)
    expected("item", out["item"])
    expected("user", out["user"])
    assert data.metadata() == (["user", "item"], [("user", "buys", "item"), ("item", "bought", "user")])


def test_edge_indices_that_know_their_order(expected):
    from torch_geometric import EdgeIndex

    data = _graph()
    edges = EdgeIndex(data.edge_index, sparse_size=(12, 12)).sort_by("row").values
    assert isinstance(edges, EdgeIndex) and edges.is_sorted_by_row
    edges.validate()
    (start, _), _ = edges.get_csr()
    expected("start", start)
    x = data.x.clone().requires_grad_()
    out = edges.matmul(x)
    out.sum().backward()
    expected("out", out)
    expected("grad", x.grad)
    assert not isinstance(edges + 0.5, EdgeIndex)
    assert edges.flip(0).is_sorted_by_col


def test_saved_and_copied(tmp_path):
    data = _graph()
    torch.save(data, tmp_path / "data.pt")
    again = torch.load(tmp_path / "data.pt", weights_only=False)
    assert torch.equal(again.x, data.x) and torch.equal(again.edge_index, data.edge_index)
    model = gnn.GCN(5, 8, 2, 3, jk="cat", dropout=0.5, norm="BatchNorm")
    torch.save(model.state_dict(), tmp_path / "model.pt")
    model.load_state_dict(torch.load(tmp_path / "model.pt"))
    model.train()
    model(data.x, data.edge_index).sum().backward()
    assert all(p.grad is not None for p in model.parameters())
    assert "GCNConv(5, 8)" in repr(model.convs[0])

"""lightning and pytorch_lightning: trained, validated, clipped, saved, resumed, in mixed precision, and Fabric."""

from __future__ import annotations

import importlib

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from weights import drawn, fill

# Lightning warns of what short runs leave out: a loader for validation, the callbacks of the run before.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

PACKAGES = ["lightning.pytorch", "pytorch_lightning"]


@pytest.fixture(params=PACKAGES)
def pl(request):
    return importlib.import_module(request.param)


def _model(pl, lr=0.02, **more):
    class Model(pl.LightningModule):
        def __init__(self, lr, hidden=8):
            super().__init__()
            self.save_hyperparameters()
            self.net = fill(
                nn.Sequential(nn.Linear(4, hidden), nn.Tanh(), nn.Dropout(0.0), nn.Linear(hidden, 3))
            )
            self.losses, self.norms, self.seen = [], [], []

        def forward(self, x):
            return self.net(x)

        def training_step(self, batch, index):
            x, y = batch
            loss = nn.functional.cross_entropy(self(x), y)
            self.log("train_loss", loss, prog_bar=True)
            self.losses.append(loss.item())
            return loss

        def on_before_optimizer_step(self, optimizer):
            self.norms.append(float(torch.stack([p.grad.norm() for p in self.parameters()]).norm()))

        def validation_step(self, batch, index):
            x, y = batch
            logits = self(x)
            self.log("val_loss", nn.functional.cross_entropy(logits, y))
            self.log("val_acc", (logits.argmax(1) == y).float().mean())

        def test_step(self, batch, index):
            self.validation_step(batch, index)

        def predict_step(self, batch, index):
            return self(batch[0]).softmax(1)

        def configure_optimizers(self):
            optimizer = torch.optim.AdamW(self.parameters(), lr=self.hparams.lr)
            schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)
            return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "epoch"}}

    return Model(lr, **more)


def _loader(name="train", batch_size=8, **more):
    data = TensorDataset(drawn(name, 32, 4), torch.arange(32) % 3)
    return DataLoader(data, batch_size=batch_size, **more)


def _trainer(pl, path, **more):
    given = dict(
        accelerator="cpu", devices=1, max_epochs=2, enable_progress_bar=False, enable_model_summary=False, logger=False,
        default_root_dir=path, enable_checkpointing=False,
    )  # fmt: skip
    return pl.Trainer(**{**given, **more})


def test_fitted_validated_and_tested(expected, pl, tmp_path):
    model, trainer = _model(pl), _trainer(pl, tmp_path, gradient_clip_val=0.3)
    trainer.fit(model, _loader(), _loader("val"))
    expected("losses", model.losses, rtol=1e-5)
    expected("norms", model.norms, rtol=1e-4)
    assert max(model.norms) > 0.3 and trainer.global_step == 8  # the hook sees what is to be clipped
    for name in ("train_loss", "val_loss", "val_acc"):
        expected(name, trainer.callback_metrics[name], rtol=1e-5)
    tested = trainer.test(model, _loader("test"), verbose=False)
    expected("tested", tested[0]["val_loss"], rtol=1e-5)
    expected("predicted", torch.cat(trainer.predict(model, _loader("test"))), rtol=1e-4)


def test_clipped_accumulated_and_overfitted(expected, pl, tmp_path):
    model = _model(pl)
    trainer = _trainer(
        pl, tmp_path, accumulate_grad_batches=2, gradient_clip_val=0.05, gradient_clip_algorithm="value",
        overfit_batches=2, max_epochs=3,
    )  # fmt: skip
    trainer.fit(model, _loader())
    expected("losses", model.losses, rtol=1e-5)
    assert trainer.global_step == 3


@pytest.mark.parametrize("precision, rtol", [("bf16-mixed", 2e-2), ("bf16-true", 4e-2), ("64-true", 1e-5)])
def test_precisions(expected, pl, tmp_path, precision, rtol):
    model, trainer = _model(pl), _trainer(pl, tmp_path, precision=precision)
    trainer.fit(model, _loader())
    expected("losses", model.losses, rtol=rtol)
    kind = {"bf16-mixed": torch.float32, "bf16-true": torch.bfloat16, "64-true": torch.float64}[precision]
    assert all(p.dtype == kind for p in model.parameters())


def test_saved_and_resumed(expected, pl, tmp_path):
    callbacks = importlib.import_module(f"{pl.__name__}.callbacks")
    checkpoint = callbacks.ModelCheckpoint(
        tmp_path, "{epoch}-{val_loss:.3f}", monitor="val_loss", save_top_k=2, save_last=True
    )
    whole = _model(pl)
    _trainer(pl, tmp_path, max_epochs=4).fit(whole, _loader(), _loader("val"))
    half = _model(pl)
    trainer = _trainer(pl, tmp_path, enable_checkpointing=True, callbacks=[checkpoint])
    trainer.fit(half, _loader(), _loader("val"))
    assert len(list(tmp_path.glob("epoch=*.ckpt"))) == 2
    expected("best", checkpoint.best_model_score, rtol=1e-5)
    rest = _model(pl)
    _trainer(pl, tmp_path, max_epochs=4).fit(
        rest, _loader(), _loader("val"), ckpt_path=tmp_path / "last.ckpt"
    )
    assert half.losses + rest.losses == whole.losses
    expected("losses", rest.losses, rtol=1e-5)
    again = type(half).load_from_checkpoint(tmp_path / "last.ckpt")
    assert again.hparams.lr == 0.02
    assert all(torch.equal(a, b) for a, b in zip(again.parameters(), half.parameters()))
    file = torch.load(tmp_path / "last.ckpt", weights_only=False)
    assert file["global_step"] == 8 and len(file["optimizer_states"]) == 1


def test_callbacks_and_loggers(expected, pl, tmp_path):
    callbacks = importlib.import_module(f"{pl.__name__}.callbacks")
    loggers = importlib.import_module(f"{pl.__name__}.loggers")
    logger = loggers.CSVLogger(tmp_path)
    model = _model(pl)
    average = callbacks.StochasticWeightAveraging(0.01, swa_epoch_start=2)
    stop = callbacks.EarlyStopping("val_loss", patience=1, min_delta=10.0)
    trainer = _trainer(
        pl, tmp_path, logger=logger, max_epochs=5, log_every_n_steps=1,
        callbacks=[average, stop, callbacks.LearningRateMonitor(), callbacks.Timer(), callbacks.ModelSummary(2)],
    )  # fmt: skip
    trainer.fit(model, _loader(), _loader("val"))
    assert trainer.current_epoch == 2
    expected("losses", model.losses, rtol=1e-5)
    rows = (tmp_path / "lightning_logs" / "version_0" / "metrics.csv").read_text().splitlines()
    assert "lr-AdamW" in rows[0] and "val_loss" in rows[0]


def test_optimized_by_hand_with_data_of_its_own(expected, pl, tmp_path):
    class Data(pl.LightningDataModule):
        def train_dataloader(self):
            return _loader(num_workers=1, persistent_workers=True, multiprocessing_context="fork")

    base = type(_model(pl))

    class Model(base):
        def __init__(self):
            super().__init__(0.05)
            self.automatic_optimization = False

        def training_step(self, batch, index):
            optimizer = self.optimizers()
            loss = nn.functional.cross_entropy(self(batch[0]), batch[1])
            optimizer.zero_grad()
            self.manual_backward(loss)
            self.clip_gradients(optimizer, gradient_clip_val=0.5)
            optimizer.step()
            self.losses.append(loss.item())

    model = Model()
    _trainer(pl, tmp_path).fit(model, datamodule=Data())
    expected("losses", model.losses, rtol=1e-5)


def test_a_seed_gives_the_same_shuffles_and_weights(pl, tmp_path):
    losses = []
    for seed in (1, 1, 2):
        pl.seed_everything(seed, workers=True)
        model, trainer = _model(pl), _trainer(pl, tmp_path)
        trainer.fit(model, _loader(shuffle=True))
        losses.append(model.losses)
    assert losses[0] == losses[1] != losses[2]


@pytest.mark.parametrize("package", ["lightning.fabric", "lightning_fabric"])
@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_fabric(expected, tmp_path, package, precision):
    fabric = importlib.import_module(package).Fabric(accelerator="cpu", devices=1, precision=precision)
    fabric.launch()
    model = fill(nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3)))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    model, optimizer = fabric.setup(model, optimizer)
    losses = []
    for x, y in fabric.setup_dataloaders(_loader()):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        fabric.backward(loss)
        fabric.clip_gradients(model, optimizer, max_norm=1.0)
        optimizer.step()
        losses.append(loss.item())
    expected("losses", losses, rtol=1e-5 if precision == "32-true" else 2e-2)
    state = {"model": model, "optimizer": optimizer, "step": 4}
    fabric.save(tmp_path / "state.ckpt", state)
    with torch.no_grad():
        before = [p.clone() for p in model.parameters()]
        for p in model.parameters():
            p.zero_()
    fabric.load(tmp_path / "state.ckpt", state)
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters()))
    assert np.isfinite(losses).all() and fabric.world_size == 1


def test_several_processes_are_refused(pl, tmp_path, request, monkeypatch):
    if request.config.option.with_pytorch:
        pytest.skip("PyTorch has torch.distributed")
    # Started from outside: else Lightning starts the second process itself, and ends this one when that fails.
    for name, value in {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}.items():
        monkeypatch.setenv(name, value)
    environment = importlib.import_module(f"{pl.__name__}.plugins.environments").TorchElasticEnvironment()
    with pytest.raises((RuntimeError, AttributeError, ValueError), match=r"torch\.distributed"):
        _trainer(pl, tmp_path, devices=2, strategy="ddp", plugins=[environment]).fit(_model(pl), _loader())

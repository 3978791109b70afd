"""transformers.Trainer: losses of a run, evaluation, checkpoints, a run that goes on from one."""

from __future__ import annotations

import math

import pytest
import torch
import transformers as tf
from test_transformers_models import VOCABULARY, bert, gpt2, t5
from weights import fill, tokens


class Sentences(torch.utils.data.Dataset):
    def __init__(self, count, labelled):
        self.ids = tokens("sentences", VOCABULARY, count, 6)
        self.labelled = labelled

    def __len__(self):
        return len(self.ids)

    def __getitem__(self, index):
        ids = self.ids[index]
        return {"input_ids": ids, "labels": ids[0] % 3 if self.labelled else ids}


def _trainer(folder, case=bert, **options):
    cls, config, _ = case()
    settings = {
        "max_steps": 6, "per_device_train_batch_size": 4, "learning_rate": 5e-3, "logging_steps": 1, "save_steps": 2,
        "eval_strategy": "steps", "eval_steps": 3, "report_to": [], "disable_tqdm": True, "use_cpu": True,
        "train_sampling_strategy": "sequential", "warmup_steps": 2, "weight_decay": 0.01, "output_dir": str(folder),
    }  # fmt: skip
    return tf.Trainer(
        model=fill(cls(config)),
        args=tf.TrainingArguments(**{**settings, **options}),
        train_dataset=Sentences(20, case is bert),
        eval_dataset=Sentences(10, case is bert),
        compute_metrics=_accuracy if case is bert else None,
    )


def _accuracy(found):
    return {"accuracy": float((found.predictions.argmax(-1) == found.label_ids).mean())}


def _logged(trainer, key):
    return [entry[key] for entry in trainer.state.log_history if key in entry]


def test_a_run(tmp_path, expected):
    trainer = _trainer(tmp_path)
    result = trainer.train()
    assert result.global_step == 6
    expected("losses", _logged(trainer, "loss"), rtol=1e-3)
    expected("norms", _logged(trainer, "grad_norm"), rtol=2e-3)
    expected("rates", _logged(trainer, "learning_rate"))
    expected("evaluations", _logged(trainer, "eval_loss"), rtol=1e-3)
    expected("accuracies", _logged(trainer, "eval_accuracy"))
    expected("predictions", trainer.predict(Sentences(4, True)).predictions, rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize(
    "options",
    [{"gradient_accumulation_steps": 2}, {"lr_scheduler_type": "cosine"}, {"optim": "adafactor"}, {"optim": "sgd"},
     {"gradient_checkpointing": True}, {"label_smoothing_factor": 0.1}, {"dataloader_num_workers": 2}, {"bf16": True},
     {"optim": "adagrad"}, {"optim": "rmsprop"}, {"optim": "adamw_torch_fused"}, {"lr_scheduler_type": "polynomial"},
     {"lr_scheduler_type": "reduce_lr_on_plateau"}],
    ids=lambda options: next(iter(options)) + "-" + str(next(iter(options.values()))),
)  # fmt: skip
def test_options(tmp_path, expected, options):
    trainer = _trainer(tmp_path, gpt2, save_strategy="no", **options)
    trainer.train()
    loose = {"rtol": 3e-2} if "bf16" in options else {"rtol": 1e-3}
    expected("losses", _logged(trainer, "loss"), **loose)
    expected("evaluations", _logged(trainer, "eval_loss"), **loose)


def test_a_run_goes_on_from_a_checkpoint(tmp_path):
    whole = _trainer(tmp_path / "whole")
    whole.train()
    assert sorted(path.name for path in (tmp_path / "whole").glob("checkpoint-*")) == [
        "checkpoint-2", "checkpoint-4", "checkpoint-6",
    ]  # fmt: skip
    rest = _trainer(tmp_path / "rest")
    rest.train(resume_from_checkpoint=str(tmp_path / "whole" / "checkpoint-4"))
    assert rest.state.global_step == 6
    assert _logged(rest, "loss") == _logged(whole, "loss")
    for one, other in zip(whole.model.parameters(), rest.model.parameters()):
        assert torch.equal(one, other)


def test_the_best_checkpoint_is_loaded_at_the_end(tmp_path):
    trainer = _trainer(
        tmp_path, load_best_model_at_end=True, metric_for_best_model="loss", save_steps=3, save_total_limit=1
    )
    trainer.train()
    best = trainer.state.best_metric
    assert math.isclose(trainer.evaluate()["eval_loss"], best, rel_tol=1e-5)
    assert best == min(_logged(trainer, "eval_loss"))


def test_random_order_is_that_of_the_seed(tmp_path):
    losses = []
    for seed in (1, 1, 2):
        trainer = _trainer(tmp_path, save_strategy="no", seed=seed, train_sampling_strategy="random")
        trainer.train()
        losses.append(_logged(trainer, "loss"))
    assert losses[0] == losses[1] != losses[2]


def test_sequences_are_generated(tmp_path, expected):
    cls, config, _ = t5()
    settings = tf.Seq2SeqTrainingArguments(
        str(tmp_path), max_steps=3, report_to=[], use_cpu=True, predict_with_generate=True, generation_max_length=6,
        train_sampling_strategy="sequential", disable_tqdm=True, save_strategy="no",
    )  # fmt: skip
    trainer = tf.Seq2SeqTrainer(fill(cls(config)), settings, train_dataset=Sentences(8, False))
    trainer.train()
    expected("tokens", trainer.predict(Sentences(4, False)).predictions)

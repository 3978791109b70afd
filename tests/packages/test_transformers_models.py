"""Models of transformers: logits, losses of training steps, and what is saved is what is loaded."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
import transformers as tf
from weights import drawn, fill, steps, tokens

VOCABULARY, BATCH, LENGTH = 64, 2, 7


def _text(labels=None):
    ids = tokens("ids", VOCABULARY, BATCH, LENGTH)
    mask = torch.ones_like(ids)
    mask[1, -2:] = 0
    return {"input_ids": ids, "attention_mask": mask, "labels": ids.clone() if labels is None else labels}


def gpt2():
    config = tf.GPT2Config(
        vocab_size=VOCABULARY, n_positions=32, n_embd=32, n_layer=2, n_head=4, resid_pdrop=0, embd_pdrop=0,
        attn_pdrop=0, bos_token_id=1, eos_token_id=2,
    )  # fmt: skip
    return tf.GPT2LMHeadModel, config, _text()


def llama():
    config = tf.LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=32,
    )  # fmt: skip
    return tf.LlamaForCausalLM, config, _text()


def bert():
    config = tf.BertConfig(
        vocab_size=VOCABULARY, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48,
        max_position_embeddings=32, num_labels=3, hidden_dropout_prob=0, attention_probs_dropout_prob=0,
    )  # fmt: skip
    return tf.BertForSequenceClassification, config, _text(torch.tensor([2, 0]))


def bert_masked():
    _, config, _ = bert()
    labels = tokens("labels", VOCABULARY, BATCH, LENGTH)
    labels[:, ::2] = -100
    return tf.BertForMaskedLM, config, _text(labels)


def t5():
    config = tf.T5Config(
        vocab_size=VOCABULARY, d_model=32, d_kv=8, d_ff=48, num_layers=2, num_heads=4, dropout_rate=0,
        decoder_start_token_id=0,
    )  # fmt: skip
    return tf.T5ForConditionalGeneration, config, _text(tokens("labels", VOCABULARY, BATCH, 5))


def vit():
    config = tf.ViTConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48, image_size=16, patch_size=4,
        num_labels=5, hidden_dropout_prob=0, attention_probs_dropout_prob=0,
    )  # fmt: skip
    batch = {"pixel_values": drawn("pixels", BATCH, 3, 16, 16), "labels": torch.tensor([4, 1])}
    return tf.ViTForImageClassification, config, batch


CASES = [gpt2, llama, bert, bert_masked, t5, vit]
case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)


@case
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_forward_and_training(case, attention, expected):
    cls, config, batch = case()
    if case is t5 and attention == "sdpa":
        attention = None  # its own choice
    model = fill(cls._from_config(config, attn_implementation=attention)).eval()
    with torch.no_grad():
        found = model(**batch, output_hidden_states=True)
    expected("loss", found.loss)
    expected("logits", found.logits.flatten()[:64])
    losses, norms = steps(model, batch)
    expected("losses", losses)
    expected("norms", norms, rtol=1e-3)
    assert losses[-1] < losses[0]


@case
def test_what_is_saved_is_loaded(case, tmp_path):
    cls, config, batch = case()
    model = fill(cls(config)).eval()
    model.save_pretrained(tmp_path, max_shard_size="20KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 1
    other = cls.from_pretrained(tmp_path)
    assert not other.training
    assert list(other.state_dict()) == list(model.state_dict())
    with torch.no_grad():
        assert torch.equal(model(**batch).logits, other(**batch).logits)
    half = cls.from_pretrained(tmp_path, dtype=torch.bfloat16)
    assert {p.dtype for p in half.parameters()} == {torch.bfloat16}


@case
def test_gradient_checkpointing_changes_nothing(case):
    cls, config, batch = case()
    plain, saving = fill(cls(config)), fill(cls(config))
    saving.gradient_checkpointing_enable()
    for model in (plain, saving):
        model.train()
        model(**batch, use_cache=False).loss.backward() if "input_ids" in batch else model(
            **batch
        ).loss.backward()
    for (name, one), other in zip(plain.named_parameters(), saving.parameters()):
        if one.grad is None:
            assert other.grad is None, name
        else:
            torch.testing.assert_close(one.grad, other.grad, msg=name)


def test_embeddings_are_resized():
    cls, config, _ = gpt2()
    model = fill(cls(config))
    before = model.get_input_embeddings().weight.detach().clone()
    model.resize_token_embeddings(VOCABULARY + 6)
    assert torch.equal(model.get_input_embeddings().weight[:VOCABULARY], before)
    assert model.lm_head.weight is model.get_input_embeddings().weight
    assert model(tokens("more", VOCABULARY + 6, 1, 4)).logits.shape == (1, 4, VOCABULARY + 6)


def test_a_model_under_autocast(expected):
    cls, config, batch = gpt2()
    model = fill(cls(config)).eval()
    with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
        found = model(**batch)
    assert found.logits.dtype == torch.bfloat16
    expected("loss", found.loss, rtol=2e-2)


@pytest.mark.skipif(
    "tritonnn" not in torch.__version__, reason="PyTorch compiles it, for minutes and with a C++ compiler"
)
@pytest.mark.filterwarnings("ignore:torch.compile")
def test_flex_attention():
    cls, config, batch = llama()
    found = []
    for attention in ("flex_attention", "sdpa"):
        model = fill(cls._from_config(config, attn_implementation=attention))
        loss = model(**batch).loss
        loss.backward()
        found.append((loss, model.model.layers[0].self_attn.q_proj.weight.grad))
    torch.testing.assert_close(*found)


def test_a_folder_says_what_it_holds(tmp_path):
    cls, config, batch = llama()
    model = fill(cls(config)).eval()
    model.save_pretrained(tmp_path)
    for options in ({}, {"device_map": "cpu"}, {"device_map": "auto"}):
        other = tf.AutoModelForCausalLM.from_pretrained(tmp_path, **options)
        assert type(other) is cls and torch.equal(other(**batch).logits, model(**batch).logits)
    assert other.get_memory_footprint() == model.get_memory_footprint() >= 4 * other.num_parameters()


def test_a_script(tmp_path):
    """`python -m tritonnn run` of a program that knows nothing of tritonnn."""
    script = tmp_path / "train.py"
    script.write_text(SCRIPT)
    runner = ["-m", "tritonnn", "run"] if "tritonnn" in torch.__version__ else []
    done = subprocess.run(
        [sys.executable, *runner, script], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    first, last, name = done.stdout.split()
    assert float(last) < 0.5 * float(first) and name == "torch.nn.modules.linear"


SCRIPT = """
import torch
from transformers import GPT2Config, GPT2LMHeadModel

torch.manual_seed(0)
model = GPT2LMHeadModel(GPT2Config(vocab_size=16, n_positions=16, n_embd=32, n_layer=2, n_head=4))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
ids = torch.arange(16).repeat(4, 1)
losses = []
for _ in range(20):
    loss = model(input_ids=ids, labels=ids).loss
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
print(losses[0], losses[-1], type(model.lm_head).__module__)
"""

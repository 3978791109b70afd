"""Tokenizers, collators and pipelines of transformers around models."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import transformers as tf
from test_transformers_models import bert, gpt2, vit
from tokenizers import Tokenizer, models, pre_tokenizers
from weights import fill

WORDS = ["[PAD]", "<s>", "</s>", "[UNK]", "[MASK]"] + [f"w{i}" for i in range(59)]


def _tokenizer():
    inner = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return tf.PreTrainedTokenizerFast(
        tokenizer_object=inner, pad_token="[PAD]", bos_token="<s>", eos_token="</s>", unk_token="[UNK]",
        mask_token="[MASK]", padding_side="left",
    )  # fmt: skip


def _model(case):
    cls, config, _ = case()
    return fill(cls(config)).eval()


def test_generating_text(expected):
    pipe = tf.pipeline("text-generation", model=_model(gpt2), tokenizer=_tokenizer(), device="cpu")
    found = pipe(["w1 w2 w3", "w4"], batch_size=2, max_new_tokens=5, do_sample=False)
    texts = [entry[0]["generated_text"] for entry in found]
    expected("tokens", [_tokenizer()(text)["input_ids"][-5:] for text in texts])


def test_classifying_text(expected):
    pipe = tf.pipeline(
        "text-classification", model=_model(bert), tokenizer=_tokenizer(), top_k=None, device="cpu"
    )
    found = pipe(["w1 w2 w3", "w9 w8"], batch_size=2)
    expected("scores", [[entry["score"] for entry in entries] for entries in found], rtol=1e-3)


def test_classifying_images(expected):
    processor = tf.ViTImageProcessor(size={"height": 16, "width": 16})
    pipe = tf.pipeline("image-classification", model=_model(vit), image_processor=processor, device="cpu")
    from PIL import Image

    picture = Image.fromarray(np.random.default_rng(0).integers(0, 255, (20, 24, 3), dtype=np.uint8))
    found = pipe(picture)
    expected("scores", [entry["score"] for entry in found], rtol=2e-2, atol=1e-3)


def test_collators():
    tokenizer = _tokenizer()
    texts = [tokenizer(text) for text in ("w1 w2 w3 w4", "w5")]
    padded = tf.DataCollatorWithPadding(tokenizer)(texts)
    assert padded["input_ids"].shape == (2, 4) and padded["attention_mask"].sum() == 5
    masked = tf.DataCollatorForLanguageModeling(tokenizer, mlm_probability=0.5)(texts)
    assert masked["labels"].dtype == torch.int64 and masked["input_ids"].shape == (2, 4)
    causal = tf.DataCollatorForLanguageModeling(tokenizer, mlm=False)(texts)
    assert causal["labels"].tolist()[1] == [-100, -100, -100, WORDS.index("w5")]


def test_streaming(capsys):
    model, tokenizer = _model(gpt2), _tokenizer()
    inputs = tokenizer("w1 w2", return_tensors="pt")
    streamer = tf.TextStreamer(tokenizer, skip_prompt=True)
    model.generate(**inputs, max_new_tokens=4, do_sample=False, streamer=streamer, pad_token_id=0)
    assert capsys.readouterr().out.split()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision(dtype, expected):
    cls, config, batch = gpt2()
    model = fill(cls(config)).to(dtype).eval()
    with torch.no_grad():
        expected("loss", model(**batch).loss.float(), rtol=5e-2)

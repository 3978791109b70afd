"""generate: greedy search, beams, sampling, caches and how logits are processed."""

from __future__ import annotations

import pytest
import torch
from test_transformers_models import VOCABULARY, gpt2, llama, t5
from weights import fill, tokens

OPTIONS = {"max_new_tokens": 8, "pad_token_id": 0}
case = pytest.mark.parametrize("case", [gpt2, llama, t5], ids=lambda case: case.__name__)


def _model(case):
    cls, config, _ = case()
    return fill(cls(config)).eval(), tokens("prompt", VOCABULARY, 2, 4)


@case
def test_greedy(case, expected):
    model, prompt = _model(case)
    found = model.generate(
        prompt, do_sample=False, output_scores=True, return_dict_in_generate=True, **OPTIONS
    )
    expected("tokens", found.sequences)
    expected("scores", torch.stack(found.scores)[:, :, :8].flatten(), rtol=1e-3, atol=1e-5)
    again = model.generate(prompt, do_sample=False, use_cache=False, **OPTIONS)
    assert torch.equal(again, found.sequences)


@case
def test_padded_prompts(case, expected):
    model, prompt = _model(case)
    mask = torch.ones_like(prompt)
    mask[0, :2] = 0
    expected("tokens", model.generate(prompt, attention_mask=mask, do_sample=False, **OPTIONS))


@case
def test_beams(case, expected):
    model, prompt = _model(case)
    found = model.generate(
        prompt, num_beams=3, num_return_sequences=2, do_sample=False, length_penalty=0.7, early_stopping=True,
        output_scores=True, return_dict_in_generate=True, **OPTIONS,
    )  # fmt: skip
    expected("tokens", found.sequences)
    expected("scores", found.sequences_scores, rtol=1e-3)


@case
def test_logits_are_processed(case, expected):
    model, prompt = _model(case)
    found = model.generate(
        prompt, do_sample=False, repetition_penalty=1.7, no_repeat_ngram_size=2, bad_words_ids=[[5], [6, 7]],
        min_new_tokens=3, suppress_tokens=[9], **OPTIONS,
    )  # fmt: skip
    expected("tokens", found)


@case
def test_sampling(case):
    model, prompt = _model(case)
    greedy = model.generate(prompt, do_sample=False, **OPTIONS)
    assert torch.equal(model.generate(prompt, do_sample=True, top_k=1, **OPTIONS), greedy)
    drawn = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        drawn.append(
            model.generate(
                prompt, do_sample=True, temperature=3.0, top_k=20, top_p=0.95, typical_p=0.9, **OPTIONS
            )
        )
    assert torch.equal(drawn[0], drawn[1]) and not torch.equal(drawn[0], drawn[2])
    assert int(drawn[2].max()) < VOCABULARY


def test_a_static_cache_gives_the_same():
    model, prompt = _model(llama)
    greedy = model.generate(prompt, do_sample=False, **OPTIONS)
    assert torch.equal(
        model.generate(prompt, do_sample=False, cache_implementation="static", **OPTIONS), greedy
    )


def test_a_draft_model_changes_nothing():
    model, prompt = _model(llama)
    draft = fill(type(model)(model.config), scale=0.19).eval()
    greedy = model.generate(prompt[:1], do_sample=False, **OPTIONS)
    assert torch.equal(model.generate(prompt[:1], do_sample=False, assistant_model=draft, **OPTIONS), greedy)

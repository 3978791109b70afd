"""peft: adapters on a tiny GPT-2, trained, merged, saved and loaded."""

from __future__ import annotations

import pytest
import torch
from peft import (
    AdaLoraConfig,
    BOFTConfig,
    IA3Config,
    LNTuningConfig,
    LoHaConfig,
    LoKrConfig,
    LoraConfig,
    OFTConfig,
    PeftModel,
    PrefixTuningConfig,
    PromptEncoderConfig,
    PromptTuningConfig,
    get_peft_model,
)
from safetensors.torch import load_file
from test_transformers_models import gpt2, llama
from weights import drawn, fill, steps

LORA = {"task_type": "CAUSAL_LM", "r": 4, "lora_alpha": 8, "lora_dropout": 0.0}
CONFIGS = {
    "lora": LoraConfig(target_modules=["c_attn", "c_proj"], fan_in_fan_out=True, **LORA),
    "rslora": LoraConfig(target_modules=["c_attn"], fan_in_fan_out=True, use_rslora=True, **LORA),
    "dora": LoraConfig(target_modules=["c_attn"], fan_in_fan_out=True, use_dora=True, **LORA),
    "ia3": IA3Config(
        task_type="CAUSAL_LM", target_modules=["c_attn"], feedforward_modules=[], fan_in_fan_out=True
    ),
    "prompt": PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=3),
    "prefix": PrefixTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=3),
}


def _adapted(name):
    cls, config, batch = gpt2()
    return fill(get_peft_model(fill(cls(config)), CONFIGS[name])), batch


@pytest.mark.parametrize("name", CONFIGS)
def test_training(name, expected, tmp_path):
    model, batch = _adapted(name)
    trainable = [key for key, p in model.named_parameters() if p.requires_grad]
    frozen = {key: p.detach().clone() for key, p in model.named_parameters() if not p.requires_grad}
    assert (trainable and len(frozen) > len(trainable)) or name == "lora"
    losses, norms = steps(model, batch)
    expected("losses", losses, rtol=1e-3)
    expected("norms", norms, rtol=2e-3)
    assert losses[-1] < losses[0]
    for key, p in model.named_parameters():
        if key in frozen:
            assert p.grad is None and torch.equal(p, frozen[key]), key
    model.save_pretrained(tmp_path)
    cls, config, _ = gpt2()
    base = cls(config)
    base.load_state_dict({key.replace(".base_layer", ""): value for key, value in _base(model).items()})
    other = PeftModel.from_pretrained(base, tmp_path).eval()
    with torch.no_grad():
        torch.testing.assert_close(other(**batch).loss, model.eval()(**batch).loss)


def _base(model):
    inner = model.get_base_model().state_dict()
    return {key: value for key, value in inner.items() if "lora_" not in key and "ia3_" not in key}


@pytest.mark.parametrize("name", ["lora", "rslora", "dora", "ia3"])
def test_merging_changes_nothing(name):
    model, batch = _adapted(name)
    model.eval()
    with torch.no_grad():
        before = model(**batch).logits
        with model.disable_adapter():
            assert not torch.allclose(model(**batch).logits, before)
        merged = model.merge_and_unload()
        torch.testing.assert_close(merged(**batch).logits, before, rtol=1e-3, atol=1e-4)
    assert type(merged) is gpt2()[0]


def test_what_is_saved_is_the_adapter(tmp_path):
    model, _ = _adapted("lora")
    model.save_pretrained(tmp_path)
    saved = load_file(tmp_path / "adapter_model.safetensors")
    assert saved and all("lora_" in key for key in saved)


def test_adapters_are_exchanged():
    cls, config, batch = llama()
    one = LoraConfig(target_modules=["q_proj", "v_proj"], init_lora_weights=False, **LORA)
    model = get_peft_model(fill(cls(config)), one).eval()
    model.add_adapter("second", one)
    with torch.no_grad():
        first = model(**batch).logits
        model.set_adapter("second")
        second = model(**batch).logits
        model.set_adapter("default")
        assert torch.equal(model(**batch).logits, first) and not torch.allclose(first, second)
        model.add_weighted_adapter(["default", "second"], [0.5, 0.5], "mixed", combination_type="linear")
        model.set_adapter("mixed")
        assert model(**batch).logits.isfinite().all()


def test_an_adapted_model_generates(expected):
    model, batch = _adapted("lora")
    found = model.eval().generate(
        input_ids=batch["input_ids"], do_sample=False, max_new_tokens=5, pad_token_id=0
    )
    expected("tokens", found)


QUERIES = {"task_type": "CAUSAL_LM", "target_modules": ["q_proj"]}
OTHERS = [
    AdaLoraConfig(**QUERIES, total_step=10, init_r=4, target_r=2), LoHaConfig(**QUERIES, r=2),
    LoKrConfig(**QUERIES, r=2),
    OFTConfig(**QUERIES, r=0, oft_block_size=4), BOFTConfig(**QUERIES, boft_block_size=4),
    LNTuningConfig(task_type="CAUSAL_LM"),
    PromptEncoderConfig(task_type="CAUSAL_LM", num_virtual_tokens=3, encoder_hidden_size=16),
]  # fmt: skip


@pytest.mark.parametrize("config", OTHERS, ids=lambda config: type(config).__name__)
@pytest.mark.filterwarnings("ignore")  # boft says that it goes without its extension
def test_other_methods(config, expected):
    cls, base, batch = llama()
    model = fill(get_peft_model(fill(cls(base)), config), 0.1)
    losses, _ = steps(model, batch)
    expected("losses", losses, rtol=1e-3)
    assert losses[-1] < losses[0]


def test_images():
    """Convolutions, and a base that is no model of transformers."""
    net = fill(torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.Flatten(), torch.nn.Linear(4 * 36, 2)))
    model = fill(get_peft_model(net, LoraConfig(target_modules=["0", "2"], r=2)))
    x = drawn("images", 2, 3, 8, 8)
    with torch.no_grad():
        before = model(x)
        torch.testing.assert_close(model.merge_and_unload()(x), before, rtol=1e-3, atol=1e-4)

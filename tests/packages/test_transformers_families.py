"""One small model of many families of transformers: loss, norm of the gradient, tokens by greedy search."""

from __future__ import annotations

import pytest
import torch
import transformers as tf
from weights import drawn, fill, tokens

TEXT = {
    "vocab_size": 64, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
    "max_position_embeddings": 64, "pad_token_id": 0,
}  # fmt: skip
GROUPED = {**TEXT, "num_key_value_heads": 2}
STILL = {"hidden_dropout_prob": 0, "attention_probs_dropout_prob": 0}
IMAGE = {
    "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48, "image_size": 16,
    "patch_size": 4,
}  # fmt: skip
SPEECH = {key: value for key, value in TEXT.items() if key != "max_position_embeddings"}
BOTH = {
    "vocab_size": 64, "d_model": 32, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 4,
    "decoder_attention_heads": 4, "encoder_ffn_dim": 48, "decoder_ffn_dim": 48, "dropout": 0, "pad_token_id": 0,
    "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 1,
}  # fmt: skip
HEADED = {**GROUPED, "head_dim": 8}


def _ids():
    return tokens("ids", 64, 2, 9)


def _text(**more):
    return {"input_ids": _ids(), "labels": _ids(), **more}


def _pairs(**more):
    return {"input_ids": _ids(), "labels": _ids() % 2, **more}


def _classes(size=16):
    return {"pixel_values": drawn("pixels", 2, 3, size, size), "labels": torch.tensor([0, 1])}


# family -> (class of the model, class of its configuration, options of it, batch)
MODELS = {
    "mistral": ("MistralForCausalLM", "MistralConfig", {**GROUPED, "sliding_window": 4}, _text),
    "qwen2": ("Qwen2ForCausalLM", "Qwen2Config", GROUPED, _text),
    "qwen3": ("Qwen3ForCausalLM", "Qwen3Config", HEADED, _text),
    "mixtral": (
        "MixtralForCausalLM", "MixtralConfig", {**GROUPED, "num_local_experts": 4, "output_router_logits": True}, _text,
    ),
    "qwen3_moe": (
        "Qwen3MoeForCausalLM", "Qwen3MoeConfig",
        {**HEADED, "num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16}, _text,
    ),
    "gemma2": ("Gemma2ForCausalLM", "Gemma2Config", {**HEADED, "sliding_window": 4}, _text),
    "gemma3": ("Gemma3ForCausalLM", "Gemma3TextConfig", {**HEADED, "sliding_window": 4}, _text),
    "phi3": ("Phi3ForCausalLM", "Phi3Config", GROUPED, _text),
    "gpt_neox": ("GPTNeoXForCausalLM", "GPTNeoXConfig", TEXT, _text),
    "opt": (
        "OPTForCausalLM", "OPTConfig",
        {"vocab_size": 64, "hidden_size": 32, "ffn_dim": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
         "max_position_embeddings": 64, "word_embed_proj_dim": 32, "pad_token_id": 0, "dropout": 0}, _text,
    ),
    "bloom": (
        "BloomForCausalLM", "BloomConfig", {"vocab_size": 64, "hidden_size": 32, "n_layer": 2, "n_head": 4}, _text,
    ),
    "mamba": (
        "MambaForCausalLM", "MambaConfig",
        {"vocab_size": 64, "hidden_size": 32, "state_size": 4, "num_hidden_layers": 2}, _text,
    ),
    "mamba2": (
        "Mamba2ForCausalLM", "Mamba2Config",
        {"vocab_size": 64, "hidden_size": 32, "state_size": 4, "num_hidden_layers": 2, "num_heads": 8, "head_dim": 8,
         "n_groups": 2, "chunk_size": 4}, _text,
    ),
    "roberta": ("RobertaForTokenClassification", "RobertaConfig", {**TEXT, **STILL}, _pairs),
    "distilbert": (
        "DistilBertForQuestionAnswering", "DistilBertConfig",
        {"vocab_size": 64, "dim": 32, "hidden_dim": 48, "n_layers": 2, "n_heads": 4, "qa_dropout": 0},
        lambda: {"input_ids": _ids(), "start_positions": torch.tensor([1, 2]), "end_positions": torch.tensor([3, 4])},
    ),
    "electra": ("ElectraForPreTraining", "ElectraConfig", {**TEXT, **STILL, "embedding_size": 16}, _pairs),
    "deberta": (
        "DebertaV2ForSequenceClassification", "DebertaV2Config",
        {**TEXT, **STILL, "relative_attention": True, "pos_att_type": ["p2c", "c2p"]},
        lambda: _text(labels=torch.tensor([0, 1])),
    ),
    "albert": ("AlbertForMaskedLM", "AlbertConfig", {**TEXT, "embedding_size": 16}, _text),
    "modernbert": (
        "ModernBertForMaskedLM", "ModernBertConfig",
        {**TEXT, "cls_token_id": 1, "sep_token_id": 2, "bos_token_id": 1, "eos_token_id": 2, "local_attention": 4},
        _text,
    ),
    "bart": ("BartForConditionalGeneration", "BartConfig", {**BOTH, "max_position_embeddings": 64}, _text),
    "whisper": (
        "WhisperForConditionalGeneration", "WhisperConfig",
        {**BOTH, "num_mel_bins": 8, "max_source_positions": 20, "max_target_positions": 20},
        lambda: {"input_features": drawn("mel", 2, 8, 40), "labels": _ids()},
    ),
    "wav2vec2": (
        "Wav2Vec2ForCTC", "Wav2Vec2Config",
        {**SPEECH, "conv_dim": (16, 16), "conv_stride": (4, 2), "conv_kernel": (8, 4), "num_feat_extract_layers": 2,
         "num_conv_pos_embeddings": 4, "num_conv_pos_embedding_groups": 2},
        lambda: {"input_values": drawn("wave", 2, 400), "labels": _ids()[:, :4]},
    ),
    "clip": (
        "CLIPModel", "CLIPConfig",
        {"text_config": {**TEXT, "bos_token_id": 1, "eos_token_id": 2}, "vision_config": IMAGE, "projection_dim": 16},
        lambda: {"input_ids": _ids(), "pixel_values": drawn("pixels", 2, 3, 16, 16), "return_loss": True},
    ),
    "swin": (
        "SwinForImageClassification", "SwinConfig",
        {"image_size": 16, "patch_size": 2, "embed_dim": 8, "depths": [1, 1], "num_heads": [2, 2], "window_size": 4},
        _classes,
    ),
    "convnext": (
        "ConvNextForImageClassification", "ConvNextConfig",
        {"hidden_sizes": [8, 16], "depths": [1, 1], "num_stages": 2}, _classes,
    ),
    "resnet": (
        "ResNetForImageClassification", "ResNetConfig",
        {"embedding_size": 8, "hidden_sizes": [16, 32], "depths": [1, 1]}, lambda: _classes(32),
    ),
    "segformer": (
        "SegformerForSemanticSegmentation", "SegformerConfig",
        {"num_encoder_blocks": 2, "depths": [1, 1], "sr_ratios": [2, 1], "hidden_sizes": [8, 16], "patch_sizes": [3, 3],
         "strides": [2, 2], "num_attention_heads": [1, 2], "mlp_ratios": [2, 2], "decoder_hidden_size": 16},
        lambda: {"pixel_values": drawn("pixels", 2, 3, 16, 16), "labels": tokens("classes", 5, 2, 16, 16) % 2},
    ),
    "dinov2": ("Dinov2ForImageClassification", "Dinov2Config", IMAGE, _classes),
    "vit_mae": (
        "ViTMAEForPreTraining", "ViTMAEConfig",
        {**IMAGE, "decoder_hidden_size": 16, "decoder_num_hidden_layers": 1, "decoder_num_attention_heads": 2,
         "decoder_intermediate_size": 32, "mask_ratio": 0.5},
        lambda: {"pixel_values": drawn("pixels", 2, 3, 16, 16), "noise": drawn("noise", 2, 16)},
    ),
    "patchtst": (
        "PatchTSTForPrediction", "PatchTSTConfig",
        {"num_input_channels": 2, "context_length": 16, "patch_length": 4, "patch_stride": 4, "prediction_length": 4,
         "d_model": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "ffn_dim": 32},
        lambda: {"past_values": drawn("past", 2, 16, 2), "future_values": drawn("future", 2, 4, 2)},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_family(name, expected):
    cls, config, options, batch = MODELS[name]
    cls, batch = getattr(tf, cls), batch()
    model = fill(cls(getattr(tf, config)(**options)), 0.1).eval()
    loss = model(**batch).loss
    loss.backward()
    expected("loss", loss, rtol=1e-3)
    expected("norm", torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0), rtol=2e-3)
    if model.can_generate() and "input_ids" in batch:
        prompt = _ids()[:, :4]
        found = model.generate(
            prompt, attention_mask=torch.ones_like(prompt), do_sample=False, max_new_tokens=6, pad_token_id=0
        )
        expected("tokens", found)

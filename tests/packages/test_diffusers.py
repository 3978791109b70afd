"""diffusers: a denoising U-Net trained, schedulers and pipelines of a few steps, and what is saved."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from diffusers import (
    AutoencoderKL,
    DDIMPipeline,
    DDIMScheduler,
    DDPMPipeline,
    DDPMScheduler,
    DiTTransformer2DModel,
    DPMSolverMultistepScheduler,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    FluxTransformer2DModel,
    HeunDiscreteScheduler,
    PNDMScheduler,
    StableDiffusionPipeline,
    UNet2DConditionModel,
    UNet2DModel,
    UniPCMultistepScheduler,
)
from diffusers.training_utils import EMAModel
from peft import LoraConfig
from weights import drawn, fill, steps

SHAPE = (2, 3, 16, 16)


def _unet():
    return fill(
        UNet2DModel(
            sample_size=16, in_channels=3, out_channels=3, layers_per_block=1, block_out_channels=(16, 32),
            down_block_types=("DownBlock2D", "AttnDownBlock2D"), up_block_types=("AttnUpBlock2D", "UpBlock2D"),
            norm_num_groups=8, attention_head_dim=8,
        ), 0.05,
    )  # fmt: skip


def _noisy():
    scheduler = DDPMScheduler(num_train_timesteps=50)
    clean, noise, times = drawn("clean", *SHAPE), drawn("noise", *SHAPE), torch.tensor([3, 40])
    return scheduler.add_noise(clean, noise, times), noise, times


def test_training(expected):
    model, (noisy, noise, times) = _unet(), _noisy()
    expected("noisy", noisy.flatten()[:32])
    losses, norms = steps(
        model, None, lr=1e-3, forward=lambda m: torch.nn.functional.mse_loss(m(noisy, times).sample, noise)
    )
    expected("losses", losses, rtol=1e-3)
    expected("norms", norms, rtol=2e-3)


def _text_and_image(width=12):
    return fill(
        UNet2DConditionModel(
            sample_size=8, in_channels=4, out_channels=4, layers_per_block=1, block_out_channels=(16, 32),
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), norm_num_groups=8, attention_head_dim=8,
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"), cross_attention_dim=width,
        ), 0.05,
    )  # fmt: skip


def _autoencoder():
    return fill(
        AutoencoderKL(
            block_out_channels=(8, 16), down_block_types=("DownEncoderBlock2D",) * 2, norm_num_groups=4,
            up_block_types=("UpDecoderBlock2D",) * 2, latent_channels=4, sample_size=16,
        ), 0.05,
    ).eval()  # fmt: skip


def test_a_model_of_text_and_image(expected):
    model = _text_and_image()
    found = model(drawn("latents", 2, 4, 8, 8), torch.tensor([3, 40]), drawn("text", 2, 5, 12)).sample
    expected("sample", found.flatten()[:64], rtol=1e-3, atol=1e-5)
    found.square().mean().backward()
    expected("norm", torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0), rtol=1e-3)


def test_adapters_in_a_unet(expected):
    model = _text_and_image().requires_grad_(False)
    model.add_adapter(LoraConfig(r=2, target_modules=["to_q", "to_v"]))
    found = fill(model, 0.05)(
        drawn("latents", 2, 4, 8, 8), torch.tensor([3, 40]), drawn("text", 2, 5, 12)
    ).sample
    found.square().mean().backward()
    expected("sample", found.flatten()[:64], rtol=1e-3, atol=1e-5)
    assert {"lora" in name for name, p in model.named_parameters() if p.grad is not None} == {True}


def test_stable_diffusion(expected):
    pipeline = StableDiffusionPipeline(
        _autoencoder(), None, None, _text_and_image(32).eval(), DDIMScheduler(clip_sample=False), None, None,
        requires_safety_checker=False,
    )  # fmt: skip
    pipeline.set_progress_bar_config(disable=True)
    found = pipeline(
        prompt_embeds=drawn("prompt", 1, 5, 32), negative_prompt_embeds=drawn("negative", 1, 5, 32),
        latents=drawn("latents", 1, 4, 8, 8), height=16, width=16, num_inference_steps=3, output_type="np",
    ).images  # fmt: skip
    assert found.shape == (1, 16, 16, 3)
    expected("image", found.flatten()[:64], rtol=1e-2, atol=1e-3)


def test_transformers_of_images(expected):
    model = fill(
        DiTTransformer2DModel(
            num_attention_heads=2, attention_head_dim=8, in_channels=4, num_layers=2, sample_size=8, patch_size=2,
            norm_type="ada_norm_zero", num_embeds_ada_norm=10,
        ), 0.1,
    ).eval()  # fmt: skip
    found = model(drawn("latents", 2, 4, 8, 8), torch.tensor([1, 5]), torch.tensor([1, 2])).sample
    expected("dit", found.flatten()[:64], rtol=1e-3, atol=1e-4)
    model = fill(
        FluxTransformer2DModel(
            patch_size=1, in_channels=4, num_layers=1, num_single_layers=1, attention_head_dim=16,
            num_attention_heads=2, joint_attention_dim=32, pooled_projection_dim=32, axes_dims_rope=[4, 4, 8],
        ), 0.1,
    ).eval()  # fmt: skip
    found = model(
        hidden_states=drawn("hidden", 1, 16, 4), encoder_hidden_states=drawn("text", 1, 6, 32),
        pooled_projections=drawn("pooled", 1, 32), timestep=torch.tensor([1.0]), img_ids=torch.zeros(16, 3),
        txt_ids=torch.zeros(6, 3),
    ).sample  # fmt: skip
    expected("flux", found.flatten()[:64], rtol=1e-3, atol=1e-4)


def test_an_autoencoder(expected):
    model = _autoencoder()
    with torch.no_grad():
        latent = model.encode(drawn("image", *SHAPE)).latent_dist
        expected("mean", latent.mode().flatten()[:64], rtol=1e-3, atol=1e-5)
        expected("image", model.decode(latent.mode()).sample.flatten()[:64], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    "scheduler",
    [
        DDIMScheduler(50),
        DPMSolverMultistepScheduler(50),
        EulerDiscreteScheduler(50),
        PNDMScheduler(50),
        HeunDiscreteScheduler(50),
        UniPCMultistepScheduler(50),
        FlowMatchEulerDiscreteScheduler(50),
    ],
    ids=lambda scheduler: type(scheduler).__name__,
)
def test_schedulers(scheduler, expected):
    """Those that draw nothing: the same noise gives the same sample."""
    model = _unet().eval()
    scheduler.set_timesteps(4)
    sample = drawn("start", *SHAPE) * getattr(scheduler, "init_noise_sigma", 1.0)
    scaled = getattr(scheduler, "scale_model_input", lambda sample, time: sample)
    with torch.no_grad():
        for time in scheduler.timesteps:
            predicted = model(scaled(sample, time), time).sample
            sample = scheduler.step(predicted, time, sample).prev_sample
    expected("timesteps", scheduler.timesteps)
    expected("sample", sample.flatten()[:64], rtol=1e-3, atol=1e-4)


def test_a_pipeline(tmp_path):
    pipeline = DDPMPipeline(_unet(), DDPMScheduler(num_train_timesteps=50))
    pipeline.set_progress_bar_config(disable=True)
    options = {"batch_size": 2, "num_inference_steps": 3, "output_type": "np"}
    images = pipeline(generator=torch.Generator().manual_seed(1), **options).images
    assert images.shape == (2, 16, 16, 3) and 0 <= images.min() < images.max() <= 1
    pipeline.save_pretrained(tmp_path)
    again = DDPMPipeline.from_pretrained(tmp_path)
    again.set_progress_bar_config(disable=True)
    assert np.array_equal(again(generator=torch.Generator().manual_seed(1), **options).images, images)
    assert not np.array_equal(again(generator=torch.Generator().manual_seed(2), **options).images, images)
    pictures = pipeline(batch_size=1, num_inference_steps=2).images
    assert pictures[0].size == (16, 16)


def test_another_scheduler_for_a_pipeline():
    pipeline = DDPMPipeline(_unet(), DDPMScheduler(num_train_timesteps=50))
    other = DDIMPipeline(pipeline.unet, DDIMScheduler.from_config(pipeline.scheduler.config))
    other.set_progress_bar_config(disable=True)
    images = other(num_inference_steps=3, output_type="np").images
    assert images.shape == (1, 16, 16, 3)


def test_what_is_saved_is_loaded(tmp_path):
    model, (noisy, _, times) = _unet().eval(), _noisy()
    model.save_pretrained(tmp_path)
    other = UNet2DModel.from_pretrained(tmp_path)
    with torch.no_grad():
        assert torch.equal(other(noisy, times).sample, model(noisy, times).sample)


def test_an_average_of_the_weights(expected):
    model, (noisy, noise, times) = _unet(), _noisy()
    average = EMAModel(model.parameters(), decay=0.9, use_ema_warmup=True)
    steps(model, None, 1, 1e-3, lambda m: torch.nn.functional.mse_loss(m(noisy, times).sample, noise))
    average.step(model.parameters())
    expected("average", average.shadow_params[0].flatten()[:32])
    average.copy_to(model.parameters())
    assert torch.equal(next(iter(model.parameters())), average.shadow_params[0])

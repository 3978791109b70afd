"""stable-baselines3: agents learn, from what they meet and from memories given to them, and are saved."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest
import torch
from stable_baselines3 import A2C, DDPG, DQN, PPO, SAC, TD3
from stable_baselines3.common.callbacks import CheckpointCallback, EvalCallback
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.logger import configure
from weights import fill

SMALL = {"net_arch": [16]}  # agents write into what they are given


def _numbers(model):
    return torch.cat([p.detach().flatten() for p in model.policy.parameters()])


@pytest.mark.parametrize(
    "agent, name, given",
    [
        (PPO, "CartPole-v1", {"n_steps": 64, "batch_size": 32, "n_epochs": 2}),
        (A2C, "CartPole-v1", {"n_steps": 8}),
        (DQN, "CartPole-v1", {"learning_starts": 50, "batch_size": 16, "target_update_interval": 50}),
        (SAC, "Pendulum-v1", {"learning_starts": 50, "batch_size": 16}),
        (TD3, "Pendulum-v1", {"learning_starts": 50, "batch_size": 16}),
        (DDPG, "Pendulum-v1", {"learning_starts": 50, "batch_size": 16}),
    ],
)
def test_agents_learn_and_are_saved(tmp_path, agent, name, given):
    model = agent("MlpPolicy", name, seed=0, policy_kwargs=dict(SMALL), device="cpu", **given)
    before = _numbers(model)
    model.learn(200)
    assert model.num_timesteps >= 200
    after = _numbers(model)
    assert torch.isfinite(after).all() and not torch.equal(before, after)
    model.save(tmp_path / "agent")
    again = agent.load(tmp_path / "agent", env=gymnasium.make(name))
    assert torch.equal(_numbers(again), after)
    seen, _ = gymnasium.make(name).reset(seed=1)
    assert np.array_equal(
        again.predict(seen, deterministic=True)[0], model.predict(seen, deterministic=True)[0]
    )
    again.learn(64, reset_num_timesteps=False)
    twin = agent("MlpPolicy", name, seed=0, policy_kwargs=dict(SMALL), device="cpu", **given)
    twin.learn(200)
    assert torch.equal(_numbers(twin), after)


def test_ppo_learns_from_given_rollouts(expected, tmp_path):
    model = PPO(
        "MlpPolicy",
        "CartPole-v1",
        n_steps=32,
        batch_size=16,
        n_epochs=3,
        policy_kwargs=dict(SMALL),
        device="cpu",
    )
    fill(model.policy)
    model.set_logger(configure(str(tmp_path), ["csv"]))
    buffer, rng = model.rollout_buffer, np.random.default_rng(0)
    buffer.reset()
    for step in range(32):
        seen = rng.standard_normal((1, 4)).astype(np.float32)
        action = torch.tensor([step % 2])
        with torch.no_grad():
            value, log_prob, _ = model.policy.evaluate_actions(torch.from_numpy(seen), action)
        buffer.add(
            seen,
            action.numpy().reshape(1, 1),
            np.ones(1),
            np.array([step % 7 == 0]),
            value.flatten(),
            log_prob,
        )
    buffer.compute_returns_and_advantage(last_values=torch.zeros(1), dones=np.zeros(1))
    np.random.seed(0)
    model.train()
    logged = model.logger.name_to_value
    for key in (
        "train/loss",
        "train/value_loss",
        "train/policy_gradient_loss",
        "train/entropy_loss",
        "train/approx_kl",
    ):
        expected(key, logged[key], rtol=1e-4, atol=1e-6)
    expected("parameters", _numbers(model)[::7], rtol=1e-4, atol=1e-6)


def _remembered(model, action_of):
    rng = np.random.default_rng(0)
    shape = model.observation_space.shape
    for step in range(64):
        seen, then = rng.standard_normal((2, 1, *shape)).astype(np.float32)
        model.replay_buffer.add(
            seen, then, action_of(step), np.array([rng.normal()]), np.array([step % 9 == 0]), [{}]
        )


def test_dqn_learns_from_given_memories(expected, tmp_path):
    model = DQN(
        "MlpPolicy", "CartPole-v1", batch_size=16, buffer_size=100, policy_kwargs=dict(SMALL), device="cpu"
    )
    fill(model.policy)
    model.set_logger(configure(str(tmp_path), ["csv"]))
    _remembered(model, lambda step: np.array([[step % 2]]))
    np.random.seed(0)
    model.train(gradient_steps=5, batch_size=16)
    expected("loss", model.logger.name_to_value["train/loss"], rtol=1e-5)
    expected("parameters", _numbers(model)[::7], rtol=1e-4, atol=1e-6)


def test_ddpg_learns_from_given_memories(expected, tmp_path):
    model = DDPG(
        "MlpPolicy", "Pendulum-v1", batch_size=16, buffer_size=100, policy_kwargs=dict(SMALL), device="cpu"
    )
    model.target_policy_noise = 0.0
    fill(model.policy)
    model.set_logger(configure(str(tmp_path), ["csv"]))
    _remembered(model, lambda step: np.array([[np.sin(step)]], np.float32))
    np.random.seed(0)
    model.train(gradient_steps=3, batch_size=16)
    for key in ("train/actor_loss", "train/critic_loss"):
        expected(key, model.logger.name_to_value[key], rtol=1e-4)


def test_callbacks_and_pictures(tmp_path):
    class Pixels(gymnasium.Env):
        observation_space = gymnasium.spaces.Box(0, 255, (1, 36, 36), np.uint8)
        action_space = gymnasium.spaces.MultiDiscrete([2, 3])

        def reset(self, seed=None, options=None):
            super().reset(seed=seed)
            self.left = 10
            return self.observation_space.sample(), {}

        def step(self, action):
            self.left -= 1
            return self.observation_space.sample(), float(action[0]), self.left == 0, False, {}

    model = PPO("CnnPolicy", make_vec_env(Pixels, 2), n_steps=16, batch_size=16, n_epochs=1, device="cpu")
    evaluate = EvalCallback(make_vec_env(Pixels, 1), eval_freq=16, n_eval_episodes=2, verbose=0)
    model.learn(32, callback=[evaluate, CheckpointCallback(16, str(tmp_path))])
    assert len(list(tmp_path.glob("*.zip"))) == 1 and np.isfinite(evaluate.last_mean_reward)
    mean, _ = evaluate_policy(model, make_vec_env(Pixels, 1), n_eval_episodes=2)
    assert 0 <= mean <= 10
    assert model.policy.get_distribution(torch.zeros(1, 1, 36, 36)).entropy().item() > 0

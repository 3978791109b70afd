"""Faults in optimizers, schedules and clipping."""

from __future__ import annotations

from mutants import Fault

SHARED = "tritonnn/optim/_elementwise.py"
CYCLE = "tritonnn/optim/lr_scheduler/_cycle.py"
DECAY = "tritonnn/optim/lr_scheduler/_decay.py"
COSINE = "tritonnn/optim/lr_scheduler/_cosine.py"
PLATEAU = "tritonnn/optim/lr_scheduler/_plateau.py"
CLIP = "tritonnn/nn/utils/clip_grad.py"
VALUES = "tests/test_optim_values.py"
FORMULA = "tests/test_optim.py -k"
SCHEDULE = "tests/test_lr_scheduler.py"

FAULTS = [
    Fault(
        "adam: eps within the root's correction", "eps", "tritonnn/optim/adam.py",
        "largest.sqrt() + eps * root", "largest.sqrt() + eps",
        f"{VALUES} tests/test_optim.py -k 'bias or (follows and Adam)'",
    ),
    Fault(
        "adam: no correction of the second moment", "bias correction", "tritonnn/optim/adam.py",
        "root = (1 - beta2**step) ** 0.5", "root = 1.0",
        f"{VALUES} -k bias",
    ),
    Fault(
        "adam: no correction of the first moment", "bias correction", "tritonnn/optim/adam.py",
        "rate = lr / (1 - beta1**step) * root", "rate = lr * root",
        f"{VALUES} -k bias",
    ),
    Fault(
        "adam: amsgrad forgets the largest", "formula", "tritonnn/optim/adam.py",
        "largest = max_exp_avg_sq = max_exp_avg_sq.maximum(exp_avg_sq)",
        "largest = max_exp_avg_sq = exp_avg_sq",
        f"{FORMULA} 'adam_variants or (follows and Adam)'",
    ),
    Fault(
        "adam: another beta", "default", "tritonnn/optim/adam.py",
        "betas: tuple[float | Tensor, float | Tensor] = (0.9, 0.999)",
        "betas: tuple[float | Tensor, float | Tensor] = (0.9, 0.99)",
        f"{FORMULA} 'follows and Adam'",
    ),
    Fault(
        "nadam: no correction", "bias correction", "tritonnn/optim/nadam.py",
        "root = (1 - beta2**step) ** 0.5", "root = 1.0",
        f"{VALUES} -k bias",
    ),
    Fault(
        "nadam: momentum of the step itself", "formula", "tritonnn/optim/nadam.py",
        "for t in (step, step + 1))", "for t in (step, step))",
        f"{FORMULA} 'follows and NAdam'",
    ),
    Fault(
        "radam: rectified from the start", "formula", "tritonnn/optim/radam.py",
        "choose(rho > 5, ahead", "choose(rho > 1, ahead",
        f"{VALUES} tests/test_optim.py -k 'bias or (follows and RAdam)'",
    ),
    Fault(
        "asgd averages a step early", "formula", "tritonnn/optim/asgd.py",
        "else max(1, after)))", "else max(1, after + 1)))",
        f"{VALUES} -k asgd",
    ),
    Fault(
        "asgd: decay without the rate", "formula", "tritonnn/optim/asgd.py",
        "lr / (1 + lambd * lr * step) ** group", "lr / (1 + lambd * step) ** group",
        f"{FORMULA} 'follows and ASGD'",
    ),
    Fault(
        "sgd: the first step is dampened", "formula", "tritonnn/optim/sgd.py",
        "momentum_buffer = g.detach() if fresh else", "momentum_buffer = new.detach() if fresh else",
        f"{FORMULA} 'follows and SGD'",
    ),
    Fault(
        "sgd: nesterov without the gradient", "formula", "tritonnn/optim/sgd.py",
        "ahead = g + momentum_buffer * momentum if nesterov",
        "ahead = momentum_buffer * momentum if nesterov",
        f"{FORMULA} 'follows and SGD'",
    ),
    Fault(
        "sgd: nesterov without momentum", "argument check", "tritonnn/optim/sgd.py",
        "if nesterov and (momentum <= 0 or dampening != 0):", "if False:",
        "tests/test_optim_base.py -k out_of_range",
    ),
    Fault(
        "maximize turns the decay as well", "formula", SHARED,
        "g = p * weight_decay - g if maximize", "g = -(p * weight_decay + g) if maximize",
        f"{FORMULA} maximize",
    ),
    Fault(
        "decoupled decay without the rate", "formula", SHARED,
        "p, g = p * (1 - lr * weight_decay)", "p, g = p * (1 - weight_decay)",
        f"{FORMULA} 'follows and AdamW'",
    ),
    Fault(
        "a negative rate passes", "argument check", SHARED,
        "require(bool(defaults[name] >= 0.0), what, defaults[name])", "pass",
        "tests/test_optim_base.py -k out_of_range",
    ),
    Fault(
        "parameters without gradient are stepped", "gradient flow", SHARED,
        'params = [p for p in group["params"] if p.grad is not None]', 'params = list(group["params"])',
        "tests/test_optim_base.py -k without_gradient",
    ),
    Fault(
        "older files' options are lost", "state", SHARED,
        "                group.setdefault(name, default)\n", "                pass\n",
        "tests/test_optim_base.py -k older",
    ),
    Fault(
        "triangular2 halves at once", "schedule", CYCLE,
        "0.5 ** (x - 1) if", "0.5 ** x if",
        f"{VALUES} -k cycles",
    ),
    Fault(
        "a cycle is as long as its rise", "schedule", CYCLE,
        "self.total_size = up + (up if step_size_down is None else float(step_size_down))",
        "self.total_size = up + (up if step_size_down is None else up)",
        f"{VALUES} -k cycles",
    ),
    Fault(
        "momentum moves with the rate", "schedule", CYCLE,
        "self._set_momentum(group, high - (high - low) * height)",
        "self._set_momentum(group, low + (high - low) * height)",
        f"{SCHEDULE} -k momentum",
    ),
    Fault(
        "one cycle rises a step longer", "schedule", CYCLE,
        "plan = [(float(rising * total) - 1,", "plan = [(float(rising * total),",
        f"{SCHEDULE} -k test_schedule",
    ),
    Fault(
        "one cycle ends where it began", "schedule", CYCLE,
        'group["min_lr"] = group["initial_lr"] / final_div_factor',
        'group["min_lr"] = group["initial_lr"]',
        f"{SCHEDULE} -k test_schedule",
    ),
    Fault(
        "polynomial decay ends a step late", "schedule", DECAY,
        "return ((1.0 - t / self.total_iters) / (1.0 - (t - 1) / self.total_iters)) ** self.power",
        "return ((1.0 - (t - 1) / self.total_iters) / (1.0 - (t - 2) / self.total_iters)) ** self.power",
        f"{SCHEDULE} -k test_schedule",
    ),
    Fault(
        "linear rise of another slope", "schedule", DECAY,
        "return 1.0 + rise / (self.total_iters * self.start_factor + (t - 1) * rise)",
        "return 1.0 + rise / (self.total_iters * self.start_factor + t * rise)",
        f"{SCHEDULE} -k test_schedule",
    ),
    Fault(
        "a cosine of twice the length", "schedule", COSINE,
        "ratio = (1 + math.cos(math.pi * t / self.T_max))",
        "ratio = (1 + math.cos(math.pi * t / 2 / self.T_max))",
        f"{SCHEDULE} -k test_schedule",
    ),
    Fault(
        "the bottom of a cosine", "special value", COSINE,
        "if (t - 1 - self.T_max) % (2 * self.T_max) == 0:", "if False:",
        f"{SCHEDULE} -k test_schedule",
    ),
    Fault(
        "warm restarts keep their length", "schedule", COSINE,
        "                self.T_i *= self.T_mult\n", "",
        f"{SCHEDULE} -k test_schedule",
    ),
    Fault(
        "a plateau's threshold is of the wrong sign", "schedule", PLATEAU,
        "sign * best * (1.0 - sign * self.threshold)", "sign * best * (1.0 + sign * self.threshold)",
        f"{VALUES} -k counts_as_better",
    ),
    Fault(
        "a plateau makes the smallest steps", "eps", PLATEAU,
        "if old - new > self.eps:", "if old - new > 0:",
        f"{VALUES} -k smaller_than_eps",
    ),
    Fault(
        "a plateau's cooldown counts bad epochs", "schedule", PLATEAU,
        "            self.cooldown_counter -= 1\n            self.num_bad_epochs = 0\n",
        "            self.cooldown_counter -= 1\n",
        f"{VALUES} -k cooldown",
    ),
    Fault(
        "a plateau waits one epoch less", "schedule", PLATEAU,
        "if self.num_bad_epochs > self.patience:", "if self.num_bad_epochs >= self.patience:",
        f"{VALUES} -k cooldown",
    ),
    Fault(
        "a plateau falls below the smallest rate", "schedule", PLATEAU,
        "new = max(old * self.factor, smallest)", "new = old * self.factor",
        f"{SCHEDULE} -k plateau",
    ),
    Fault(
        "clipping scales up", "formula", CLIP,
        "(total_norm + 1e-6), max=1.0)", "(total_norm + 1e-6))",
        "tests/test_nn_utils.py -k 'norm or small'",
    ),
    Fault(
        "clipping each tensor for itself", "formula", CLIP,
        "joined = norms[0] if len(norms) == 1 else cat(norms)", "joined = norms[0]",
        "tests/test_nn_utils.py -k norm",
    ),
    Fault(
        "clipping to one side", "formula", CLIP,
        "grad.clamp_(min=-bound, max=bound)", "grad.clamp_(max=bound)",
        "tests/test_nn_utils.py -k values_are_clipped",
    ),
    Fault(
        "an infinite norm passes", "argument check", CLIP,
        "if error_if_nonfinite and not bool(total.isfinite()):", "if False:",
        "tests/test_nn_utils.py -k finite",
    ),
]  # fmt: skip

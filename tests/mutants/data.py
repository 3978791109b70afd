"""Faults in datasets, samplers, batches and workers."""

from __future__ import annotations

from mutants import Fault

SAMPLER = "tritonnn/utils/data/sampler.py"
COLLATE = "tritonnn/utils/data/_collate.py"
WORKER = "tritonnn/utils/data/_worker.py"
POOL = "tritonnn/utils/data/_multiprocess.py"
SHARED = "tritonnn/utils/data/distributed.py"
FETCH = "tritonnn/utils/data/_fetch.py"
DATASET = "tritonnn/utils/data/dataset.py"
TESTS = "tests/test_data.py"
WORKERS = "tests/test_data_workers.py"
BLOCKS = "tritonnn/utils/data/_shared.py"
BLOCK_TESTS = "tests/test_data_shared.py"

FAULTS = [
    Fault(
        "a random order is the plain one", "sampler", SAMPLER,
        "chunk = tritonnn.randperm(n, generator=generator).tolist()[:left]", "chunk = list(range(n))[:left]",
        f"{TESTS} -k 'random_sampler or shuffling'",
    ),
    Fault(
        "a random order ignores its generator", "sampler", SAMPLER,
        "        generator = self.generator\n        if generator is None:\n",
        "        generator = None\n        if generator is None:\n",
        f"{TESTS} -k 'random_sampler or shuffling'",
    ),
    Fault(
        "the rest of a permutation is too long", "sampler", SAMPLER,
        "generator=generator).tolist()[:left]", "generator=generator).tolist()",
        f"{TESTS} -k random_sampler",
    ),
    Fault(
        "the last batch is always left out", "sampler", SAMPLER,
        "if len(batch) < self.batch_size and self.drop_last:", "if len(batch) < self.batch_size:",
        f"{TESTS} -k 'samplers or batches'",
    ),
    Fault(
        "a short batch is not counted", "sampler", SAMPLER,
        "if self.drop_last else -(-count // self.batch_size)",
        "if self.drop_last else count // self.batch_size",
        f"{TESTS} -k 'samplers or batches'",
    ),
    Fault(
        "a subset's places instead of its indices", "sampler", SAMPLER,
        "            yield self.indices[i]\n", "            yield i\n",
        f"{TESTS} -k samplers",
    ),
    Fault(
        "weights without replacement repeat", "sampler", SAMPLER,
        "self.weights, self.num_samples, self.replacement, generator",
        "self.weights, self.num_samples, True, generator",
        f"{TESTS} -k samplers",
    ),
    Fault(
        "processes share no order", "sampler", SHARED,
        "generator.manual_seed(self.seed + self.epoch)",
        "generator.manual_seed(self.seed + self.epoch + self.rank)",
        f"{TESTS} -k distributed",
    ),
    Fault(
        "epochs of one order", "sampler", SHARED,
        "generator.manual_seed(self.seed + self.epoch)", "generator.manual_seed(self.seed)",
        f"{TESTS} -k distributed",
    ),
    Fault(
        "a process takes its neighbours' samples", "sampler", SHARED,
        "[self.rank :: self.num_replicas]", "[self.rank : self.rank + self.num_samples]",
        f"{TESTS} -k distributed",
    ),
    Fault(
        "numbers become float32", "collate", COLLATE,
        "tritonnn.tensor(batch, dtype=tritonnn.float64)", "tritonnn.tensor(batch)",
        f"{TESTS} -k default_collate",
    ),
    Fault(
        "samples are stacked along the last dimension", "collate", COLLATE,
        "tritonnn.stack(tensors, 0) if room", "tritonnn.stack(tensors, -1) if room",
        f"{TESTS} -k default_collate",
    ),
    Fault(
        "sequences of unlike length", "collate", COLLATE,
        "if any(len(sample) != len(first) for sample in batch):", "if False:",
        f"{TESTS} -k collate",
    ),
    Fault(
        "named tuples lose their names", "collate", COLLATE,
        'return type(model)(*values) if hasattr(model, "_fields") else values', "return values",
        f"{TESTS} -k 'collate or convert'",
    ),
    Fault(
        "negative indices of rows", "index", FETCH,
        "[i + count if i < 0 else i for i in index]", "list(index)",
        f"{TESTS} -k 'rows_of_tensors or batches_at_once'",
    ),
    Fault(
        "a subset's rows by place", "index", FETCH,
        "        index = [dataset.indices[i] for i in index]\n", "",
        f"{TESTS} -k 'rows_of_tensors or subset'",
    ),
    Fault(
        "a stream's short batch is kept", "sampler", FETCH,
        "if not batch or (self.ended and self.drop_last):", "if not batch:",
        f"{TESTS} -k streams",
    ),
    Fault(
        "joined datasets count from the wrong end", "index", DATASET,
        "bisect_right(self.cumulative_sizes, idx)", "bisect_right(self.cumulative_sizes, idx - 1)",
        f"{TESTS} -k concat",
    ),
    Fault(
        "a split leaves the rest out", "sampler", DATASET,
        "        sizes[i % len(sizes)] += 1\n", "        pass\n",
        f"{TESTS} -k split",
    ),
    Fault(
        "all workers have one seed", "worker", WORKER,
        "seed = job.base_seed + job.worker_id", "seed = job.base_seed",
        f"{WORKERS} -k 'seeds or who_they_are'",
    ),
    Fault(
        "workers draw the parent's numbers", "worker", WORKER,
        "    tritonnn.manual_seed(seed)\n", "",
        f"{WORKERS} -k seeds",
    ),
    Fault(
        "worker_init_fn is not called", "worker", WORKER,
        "        job.init_fn(job.worker_id)\n", "        pass\n",
        f"{WORKERS} -k worker_init_fn",
    ),
    Fault(
        "an error ends the worker", "worker", WORKER,
        "            kind, parts = ERROR, _transfer.dumps(pack_error(where))\n", "            raise\n",
        f"{WORKERS} -k 'errors_carry'",
    ),
    Fault(
        "a part of a block passes for the whole", "worker", BLOCKS,
        " and len(owner) == part.nbytes else None", " else None",
        f"{BLOCK_TESTS} -k part_of_a_block",
    ),
    Fault(
        "batches are copied into what is mapped", "worker", BLOCKS,
        "    return owner if isinstance(owner, Block)", "    return None if isinstance(owner, Block)",
        f"{BLOCK_TESTS} -k is_not_copied",
    ),
    Fault(
        "a block's descriptor stays open", "worker", BLOCKS,
        "    weakref.finalize(block, os.close, descriptor)\n", "",
        f"{BLOCK_TESTS} -k 'go_with_their_tensors'",
    ),
    Fault(
        "batches in the order they get ready", "worker", POOL,
        "            while self.due not in self.answers:\n                self._receive()\n"
        "            self.due += 1\n"
        "            return self.due - 1\n",
        "            while not self.answers:\n                self._receive()\n            self.due += 1\n"
        "            return next(iter(self.answers))\n",
        f"{WORKERS} -k batches_come_in_order",
    ),
    Fault(
        "a broken epoch's answers count", "worker", POOL,
        "        if epoch != self.epoch:\n            return False\n", "",
        f"{WORKERS} -k broken_off",
    ),
    Fault(
        "timeout is ignored", "worker", POOL,
        "deadline = time.monotonic() + self.timeout if self.timeout else None", "deadline = None",
        f"{WORKERS} -k timeout",
    ),
    Fault(
        "a loader's generator does not seed the workers", "worker", "tritonnn/utils/data/_iterators.py",
        "self._base_seed = draw_seed(loader.generator)", "self._base_seed = draw_seed(None)",
        f"{WORKERS} -k seeds",
    ),
]  # fmt: skip

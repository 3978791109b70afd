"""What modules, functions and classes are called while tritonnn is served as PyTorch."""

from __future__ import annotations

from pathlib import Path

from test_run import output, run


def test_modules_and_functions_go_by_pytorchs_names(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        """
        import pickle, torch, torch.utils.data._utils.collate as collate
        F = torch.nn.functional
        print([m.__name__ for m in (torch, torch.nn, F, torch.backends.cudnn, torch.optim.lr_scheduler)])
        functions = [F.relu, F.cross_entropy, torch.add, torch.nn.init.zeros_, torch.linalg.norm]
        functions += [torch.save, torch.utils.data.default_collate, torch.utils.data.get_worker_info]
        print([f.__module__ for f in functions])
        print(all(pickle.loads(pickle.dumps(f)) is f and b"tritonnn" not in pickle.dumps(f) for f in functions))
        print(collate.default_collate is torch.utils.data.default_collate)
        try:
            from torch.nn import no_such
        except ImportError as error:
            print(error)
        """,
    )
    names = ["torch", "torch.nn", "torch.nn.functional", "torch.backends.cudnn", "torch.optim.lr_scheduler"]
    modules = ["torch.nn.functional", "torch.nn.functional", "torch", "torch.nn.init", "torch.linalg"]
    modules += ["torch.serialization", "torch.utils.data._utils.collate", "torch.utils.data._utils.worker"]
    lines = output(done)
    assert lines[:4] == [str(names), str(modules), "True", "True"]
    assert lines[4].startswith("cannot import name 'no_such' from 'torch.nn'")


def test_public_classes_and_functions_are_where_they_say(tmp_path: Path) -> None:
    """What `pickle`, `typing` and `inspect` look for; all modules are imported after tritonnn is served."""
    done = run(
        tmp_path,
        """
        import importlib, pathlib, sys, types, torch
        root = pathlib.Path(torch.__file__).parent
        for file in sorted(root.rglob("*.py")):
            name = ".".join(["tritonnn", *file.relative_to(root).with_suffix("").parts]).removesuffix(".__init__")
            if not {"__main__", "_shim", "_by_tensorboard", "_by_tensorboardx"} & set(name.split(".")):
                importlib.import_module(name)
        lost = []
        for name, module in list(sys.modules.items()):
            public = [key for key in getattr(module, "__all__", ()) if not key.startswith("_")]
            ours = name in ("torch.cpu", "torch.distributed.absent")  # streams of the CPU have the name of torch's
            for key in public if name.startswith("torch.") and "._" not in name and not ours else ():
                value = getattr(module, key)
                if isinstance(value, (type, types.FunctionType)) and value.__module__.startswith("torch"):
                    found = importlib.import_module(value.__module__)
                    for part in value.__qualname__.split("."):
                        found = getattr(found, part, None)
                    if found is not value:
                        lost.append(f"{name}.{key} is {value.__module__}.{value.__qualname__}")
        print(sorted(set(lost)))
        """,
    )
    assert output(done) == ["[]"]


def test_spawned_workers_of_a_loader(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        """
        import torch
        from torch.utils.data import DataLoader, TensorDataset

        if __name__ == "__main__":
            for method in ("spawn", "forkserver"):
                loader = DataLoader(TensorDataset(torch.arange(4)), 2, num_workers=1, multiprocessing_context=method)
                print([batch[0].tolist() for batch in loader])
        """,
    )
    assert output(done) == ["[[0, 1], [2, 3]]"] * 2

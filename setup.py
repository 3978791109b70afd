"""Package layout: kernels/ and cpu_fallback/ stand at the top level and install below tritonnn.

Metadata is in pyproject.toml; the package list is computed here because pyproject.toml cannot map two
top-level folders into a package and still discover sub-packages by itself.
"""

from setuptools import find_packages, setup

BACKENDS = ("kernels", "cpu_fallback")

packages = find_packages(include=["tritonnn", "tritonnn.*"])
for name in BACKENDS:
    packages += [f"tritonnn.{name}", *(f"tritonnn.{name}.{sub}" for sub in find_packages(name))]

setup(
    # Here, not in pyproject.toml: setuptools before 77 accepts only a table there, later ones only a string.
    license="MIT",
    packages=packages,
    package_dir={f"tritonnn.{name}": name for name in BACKENDS},
    package_data={"tritonnn": ["py.typed"], "": ["*.json", "*.toml", "*.pyi", "*.bin", "*.txt"]},
)

"""The examples in docstrings run."""

import importlib
import re
import shutil
import textwrap
import warnings
from pathlib import Path

import keras
import numpy as np
import pytest

import tfcompress as tfc

ROOT = Path(tfc.export.__file__).parent
FENCE = re.compile(r"^ *```python\n(.*?)```", re.DOTALL | re.MULTILINE)
EXAMPLES = [
    pytest.param(path, textwrap.dedent(code), id=f"{path.stem}-{number}")
    for path in sorted(ROOT.rglob("*.py"))
    for number, code in enumerate(FENCE.findall(path.read_text()))
]


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).random((40, 8, 8, 4)).astype(np.float32)


@pytest.fixture(scope="module")
def model():
    """A small network of kernels with few values each."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 4), name="image")
    x = keras.layers.Conv2D(16, 3, activation="relu", name="conv")(inputs)
    x = keras.layers.Dense(2, name="scores")(keras.layers.Flatten()(x))
    network = keras.Model(inputs, x)
    for weight in network.weights:
        weight.assign(np.round(weight.numpy() * 10) / 10)
    return network


@pytest.fixture(scope="module")
def folder(model, images, tmp_path_factory):
    """The files that examples speak of."""
    folder = tmp_path_factory.mktemp("examples")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        for name, target in (("small", "microcontroller"), ("float32", "cpu_float32")):
            tfc.export.to_tflite(
                model,
                folder / f"{name}.tflite",
                target=target,
                representative_data=images,
            )
    for copy in ("int8", "model", "loop"):
        shutil.copy(folder / "small.tflite", folder / f"{copy}.tflite")
    for copy in ("embed", "score"):
        shutil.copy(folder / "float32.tflite", folder / f"{copy}.tflite")
    (folder / "mine.toml").write_text('name = "mine"\n')
    return folder


@pytest.mark.parametrize(("path", "code"), EXAMPLES)
def test_example_in_docstring_runs(
    path, code, model, images, folder, tmp_path, monkeypatch
):
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    module = ".".join(path.relative_to(ROOT.parents[1]).with_suffix("").parts)
    names = {
        **vars(importlib.import_module(module.removesuffix(".__init__"))),
        "__name__": "example",
        "tfc": tfc,
        "np": np,
        "keras": keras,
        "model": model,
        "images": images,
        "artifact": tfc.export.Artifact.read("small.tflite"),
        "content": Path("small.tflite").read_bytes(),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        exec(compile(code, "example", "exec"), names)

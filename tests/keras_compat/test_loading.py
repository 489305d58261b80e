import errno
import json
import os
import pathlib
import subprocess
import sys
import zipfile

import h5py
import numpy as np
import pytest

from tests.models import build_classifier
from tfcompress.errors import ModelError
from tfcompress.keras_compat import load_model


@pytest.fixture(scope="module")
def saved(either_keras, tmp_path_factory):
    """A model of each Keras, and its files."""
    folder = tmp_path_factory.mktemp("saved")
    model = build_classifier(either_keras, name="saved")
    for suffix in ("keras", "h5"):
        model.save(folder / f"model.{suffix}")
    return model, folder


@pytest.fixture(scope="module")
def with_lambda(either_keras, tmp_path_factory):
    """Files of a model that would run code of its own."""
    folder = tmp_path_factory.mktemp("lambda")
    inputs = either_keras.Input((4,))
    double = either_keras.layers.Lambda(lambda x: x * 2.0, output_shape=(4,))
    inner = either_keras.Model(inputs, double(inputs), name="inner")
    outer = either_keras.Sequential([either_keras.Input((4,)), inner])
    for suffix in ("keras", "h5"):
        outer.save(folder / f"model.{suffix}")
    return folder


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_loads_in_the_keras_that_saved_it(saved, digits, suffix):
    model, folder = saved
    loaded = load_model(folder / f"model.{suffix}")
    assert type(loaded).__module__.split(".")[0] == type(model).__module__.split(".")[0]
    images = digits[1][0][:4]
    np.testing.assert_allclose(
        loaded.predict_on_batch(images), model.predict_on_batch(images), atol=1e-6
    )


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_lambda_is_refused_unless_trusted(with_lambda, suffix):
    path = with_lambda / f"model.{suffix}"
    with pytest.raises(ModelError, match=r"Lambda.*trusted=True.*--trust"):
        load_model(path)
    loaded = load_model(path, trusted=True)
    assert loaded.predict_on_batch(np.ones((1, 4)))[0, 0] == 2.0


def test_weights_alone(saved, tmp_path):
    model, _ = saved
    model.save_weights(tmp_path / "some.weights.h5")
    with pytest.raises(ModelError, match="weights alone"):
        load_model(tmp_path / "some.weights.h5")


@pytest.mark.parametrize("suffix", ["keras", "h5"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.99])
def test_truncated(saved, tmp_path, suffix, share):
    content = (saved[1] / f"model.{suffix}").read_bytes()
    path = tmp_path / f"cut.{suffix}"
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ModelError, match=r"Received: path=.*cut"):
        load_model(path)


@pytest.mark.parametrize("seed", range(8))
def test_damaged_archive(saved, tmp_path, seed):
    generator = np.random.default_rng(seed)
    content = bytearray((saved[1] / "model.keras").read_bytes())
    start = int(generator.integers(100, len(content) - 2000))
    content[start : start + 50] = generator.bytes(50)
    path = tmp_path / "damaged.keras"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"damaged\.keras"):
        load_model(path)
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    "make",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_text("This is no model."),
        lambda path: path.mkdir(),
        lambda path: None,
        lambda path: zipfile.ZipFile(path, "w").writestr("notes.txt", "no model"),
        lambda path: _write(path, config="[]"),
        lambda path: _write(path, config="{", version="3.0.0"),
        lambda path: _write(path, config=json.dumps({"class_name": "Nothing"})),
    ],
    ids=["empty", "text", "folder", "missing", "zip", "list", "json", "unknown"],
)
@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_what_is_no_model(tmp_path, make, suffix):
    path = tmp_path / f"wrong.{suffix}"
    made = make(path)
    if isinstance(made, zipfile.ZipFile):
        made.close()
    with pytest.raises(ModelError, match=r"Received: path=.*wrong"):
        load_model(path)


def _write(path, *, config, version="3.15.0"):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", config)
        archive.writestr("metadata.json", json.dumps({"keras_version": version}))


def test_what_cannot_be_read(monkeypatch, tmp_path):
    def refuse(path):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(pathlib.Path, "read_bytes", refuse)
    with pytest.raises(ModelError, match="locked.*Permission denied"):
        load_model(tmp_path / "locked.keras")


def test_unknown_layer(either_keras, tmp_path):
    class Own(either_keras.layers.Layer):
        def call(self, inputs):
            return inputs

    inputs = either_keras.Input((4,))
    either_keras.Model(inputs, Own()(inputs)).save(tmp_path / "own.keras")
    with pytest.raises(ModelError, match=r"own\.keras.*Own") as caught:
        load_model(tmp_path / "own.keras")
    assert len(str(caught.value)) < 700


@pytest.mark.parametrize("kind", ["Flag", "function"])
@pytest.mark.parametrize("suffix", ["keras", "h5"])
@pytest.mark.parametrize("version", ["2.15.0", "3.15.0"])
def test_imports_no_module_that_a_file_names(
    tmp_path, monkeypatch, version, suffix, kind
):
    module = f"flag_of_{suffix}_{version[0]}_{kind}"
    (tmp_path / f"{module}.py").write_text("class Flag: pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    node = {"module": module, "class_name": kind, "config": "raise_it"}
    # A registered name that tf_keras does not look at where it looks up a function.
    node["registered_name"] = "Other" if kind == "Flag" else "tfcompress>PrunedLayer"
    dense = {"module": "keras.layers", "class_name": "Dense"}
    dense["config"] = {"units": 2, "activation": node}
    config = {"name": "model", "layers": [dense]}
    config = {"module": "keras", "class_name": "Sequential", "config": config}
    path = tmp_path / f"foreign.{suffix}"
    if suffix == "keras":
        _write(path, config=json.dumps(config), version=version)
    else:
        with h5py.File(path, "w") as file:
            file.attrs["model_config"] = json.dumps(config)
            file.attrs["keras_version"] = version
    with pytest.raises(ModelError, match=rf"trusted=True.*foreign.*{module}"):
        load_model(path)
    assert module not in sys.modules


def test_reads_what_keras_reads(tmp_path):
    config = {"module": "imported_by_keras", "class_name": "Flag", "config": {}}
    path = tmp_path / "both.keras"
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = "{}"
    archive = tmp_path / "archive.keras"
    _write(archive, config=json.dumps(config), version="2.15.0")
    path.write_bytes(path.read_bytes() + archive.read_bytes())
    with pytest.raises(ModelError, match="imported_by_keras"):
        load_model(path)


def test_registered_objects_of_another_module(either_keras, tmp_path):
    @either_keras.saving.register_keras_serializable(package="loading")
    class Registered(either_keras.layers.Layer):
        def call(self, inputs):
            return inputs

    inputs = either_keras.Input((4,))
    either_keras.Model(inputs, Registered()(inputs)).save(tmp_path / "own.keras")
    assert type(load_model(tmp_path / "own.keras").layers[-1]) is Registered


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_models_in_training_load_in_a_new_process(tmp_path, either_keras, suffix):
    from tfcompress.pruning import MagnitudePruning
    from tfcompress.quantization import QuantizationAwareTraining

    model = build_classifier(either_keras, name="trained")
    names = {
        "pruned": MagnitudePruning(sparsity=0.5),
        "aware": QuantizationAwareTraining(),
    }
    for name, technique in names.items():
        technique.apply(model).save(tmp_path / f"{name}.{suffix}")
    code = (
        "import sys; from tfcompress.keras_compat import load_model\n"
        "for path in sys.argv[1:]: load_model(path)\n"
    )
    paths = [str(tmp_path / f"{name}.{suffix}") for name in names]
    done = subprocess.run([sys.executable, "-c", code, *paths], capture_output=True)
    assert done.returncode == 0, done.stderr

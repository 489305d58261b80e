"""Files and their targets: what passes, what fails, and what the error says."""

import dataclasses
import json
import warnings

import keras
import numpy as np
import pytest
import tf_keras
from ai_edge_litert import schema_py_generated as schema

import tfcompress as tfc
from tests.models import build_classifier
from tfcompress.errors import ArgumentError, ExportError
from tfcompress.export import check_target, find_target
from tfcompress.export.conversion.signature import read_signature
from tfcompress.export.target_rules import check_signature

_DEVICES = ["edgetpu", "gpu", "microcontroller", "npu_int8", "npu_int16"]


# What a whole export does -----------------------------------------------------------


def _build(module, name):
    """Builds a network that no device runs wholly; `name` says where it fails."""
    layers = module.layers
    inputs = layers.Input((6, 6, 6, 1) if name == "volumes" else (8, 8, 4), name="x")
    if name == "volumes":
        x = layers.Conv3D(2, 3, name="depth")(inputs)
    elif name == "gelu":
        x = layers.Conv2D(4, 3, activation="gelu", name="smooth")(inputs)
    elif name == "negative":
        x = layers.Lambda(lambda x: -x, name="center")(inputs)
    x = layers.Flatten(name="flat")(x)
    return module.Model(inputs, layers.Dense(3, name="scores")(x), name="failing")


def _inputs(model, count=12):
    shape = tuple(model.inputs[0].shape)[1:]
    return np.random.default_rng(0).random((count, *shape)).astype(np.float32)


def _export(model, path, target, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return tfc.export.to_tflite(
            model, path, target=target, representative_data=_inputs(model), **options
        )


@pytest.fixture(scope="module")
def passing():
    keras.utils.set_random_seed(0)
    return build_classifier(keras, activation="softmax", name="passing")


@pytest.fixture(scope="module")
def artifacts(passing, tmp_path_factory):
    """The classifier, exported for each device, which shows that all take it."""
    folder = tmp_path_factory.mktemp("devices")
    return {
        name: _export(passing, folder / f"{name}.tflite", name) for name in _DEVICES
    }


@pytest.mark.parametrize(
    ("name", "door"),
    [
        ("edgetpu", np.uint8),
        ("gpu", np.float32),
        ("microcontroller", np.int8),
        ("npu_int8", np.int8),
        ("npu_int16", np.int16),
    ],
)
def test_each_device_takes_a_classifier(name, door, artifacts, passing):
    file = tfc.measurement.LiteRTModel(artifacts[name])
    assert file.input_details["image"].dtype == door
    assert file.output_details["logits"].dtype == door
    x = _inputs(passing)
    np.testing.assert_allclose(file.predict(x), passing.predict(x, verbose=0), atol=0.1)


def test_dense_kernels_have_one_scale_where_the_target_says_so(artifacts):
    for name in _DEVICES:
        model = schema.ModelT.InitFromPackedBuf(artifacts[name].path.read_bytes(), 0)
        shapes = {tuple(tensor.shape): tensor for tensor in model.subgraphs[0].tensors}
        if name != "gpu":
            single = find_target(name).per_tensor_dense
            assert len(shapes[10, 128].quantization.scale) == (1 if single else 10)
            assert len(shapes[8, 3, 3, 8].quantization.scale) == 8


@pytest.mark.parametrize(
    "module", [keras, pytest.param(tf_keras, marks=pytest.mark.slow)]
)
@pytest.mark.parametrize(
    ("network", "target", "layer", "why"),
    [
        ("volumes", "gpu", "depth", "CONV_3D.: it has no such operation .use conv"),
        ("gelu", "microcontroller", "smooth", "GELU.: it has no such .*such as relu"),
    ],
)
def test_layers_that_a_device_lacks(module, network, target, layer, why, tmp_path):
    path = tmp_path / "model.tflite"
    with pytest.raises(ExportError, match=f"layer '{layer}'.*{why}") as caught:
        _export(_build(module, network), path, target)
    assert f"The target {target!r}" in str(caught.value)
    assert "scores" not in str(caught.value)
    assert not path.exists()


@pytest.mark.parametrize("target", ["edgetpu", "npu_int8"])
def test_what_computes_in_float_is_an_error_on_integer_devices(target, tmp_path):
    with pytest.raises(ExportError, match="layer 'center'.*computes in float"):
        _export(_build(keras, "negative"), tmp_path / "model.tflite", target)


def test_a_cpu_takes_the_same_with_a_note(tmp_path):
    model = _build(keras, "negative")
    artifact = _export(model, tmp_path / "model.tflite", "cpu_int8")
    assert any("in float" in note for note in artifact.notes)


def test_sparse_kernels_of_a_cpu(tmp_path):
    model = build_classifier(keras, name="sparse")
    kernels = [weight for weight in model.weights if weight.shape == (3, 3, 8, 8)]
    for weight in kernels:
        weight.assign(np.where(np.arange(8) % 4, 0.0, weight.numpy()))
    artifact = _export(model, tmp_path / "model.tflite", "cpu_sparse")
    assert artifact.operations["DENSIFY float32"] == len(kernels)


@pytest.mark.parametrize(
    "target",
    [name for name in tfc.export.TARGETS if name.startswith("cpu_")],
)
def test_what_tflite_lacks_is_an_error_on_every_cpu(target, tmp_path):
    inputs = keras.Input((4,), name="x")
    outputs = keras.ops.erfinv(keras.layers.Dense(4, activation="tanh")(inputs))
    with pytest.raises(ExportError, match="built-in"):
        _export(keras.Model(inputs, outputs), tmp_path / "model.tflite", target)
    assert not list(tmp_path.iterdir())


def test_a_target_of_ones_own_is_checked_as_any(passing, tmp_path):
    rules = [r for r in find_target("gpu").operations if r.name != "MAX_POOL_2D"]
    mine = dataclasses.replace(find_target("gpu"), name="mine", operations=rules)
    with pytest.raises(ExportError, match="'mine'.*layer 'pool.*MAX_POOL_2D"):
        _export(passing, tmp_path / "model.tflite", mine)


# Before the conversion --------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "batch", "message"),
    [
        ("gpu", 4, "runs 1 sample at a time.*batch=4"),
        ("gpu", None, "runs 1 sample at a time.*batch=None"),
        ("microcontroller", None, "every shape before it runs.*batch=None"),
    ],
)
def test_batches_that_a_device_does_not_run(target, batch, message, passing):
    with pytest.raises(ArgumentError, match=message):
        check_signature(read_signature(passing, batch), find_target(target))


def test_sizes_that_a_device_does_not_know():
    inputs = keras.Input((None, 8, 3), name="picture")
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(inputs))
    signature = read_signature(model, 1)
    check_signature(signature, find_target("cpu_float32"))
    with pytest.raises(ArgumentError, match="inputs of fixed sizes.*'picture'"):
        check_signature(signature, find_target("npu_int8"))


def test_batches_that_devices_run(passing):
    check_signature(read_signature(passing, None), find_target("cpu_int8"))
    check_signature(read_signature(passing, 4), find_target("microcontroller"))
    check_signature(read_signature(passing, 1), find_target("gpu"))


@pytest.mark.parametrize("module", [keras, tf_keras])
def test_bytes_at_the_door_of_a_cpu(module, tmp_path):
    model = build_classifier(module, name="bytes")
    target = dataclasses.replace(find_target("cpu_int8"), inputs_and_outputs="uint8")
    artifact = _export(model, tmp_path / "model.tflite", target)
    file = tfc.measurement.LiteRTModel(artifact)
    assert file.input_details["image"].dtype == np.uint8
    x = _inputs(model)
    expected = model.predict(x, verbose=0)
    np.testing.assert_allclose(artifact.predict(x), expected, atol=0.1)


def test_layers_are_called_by_their_names_in_the_model(tmp_path):
    layers = keras.layers
    inputs = keras.Input((8, 8, 4), name="x")
    # Scopes of Keras 3 would call the first one "smooth_1".
    x = layers.Activation("gelu", name="smooth")(layers.Conv2D(4, 3)(inputs))
    outputs = layers.Conv2D(4, 3, name="smooth_1")(x)
    with pytest.raises(ExportError, match=r"Received: layer 'smooth' \(GELU\)"):
        _export(keras.Model(inputs, outputs), tmp_path / "m.tflite", "microcontroller")


def test_all_faults_of_a_file_are_named_once(artifacts):
    content = artifacts["npu_int8"].path.read_bytes()
    target = dataclasses.replace(find_target("npu_int8"), operations=["RESHAPE"])
    with pytest.raises(ExportError) as caught:
        check_target(content, target)
    for layer in ("conv1", "conv2", "add", "pool", "logits"):
        assert f"'{layer}" in str(caught.value)
    assert str(caught.value).count("MAX_POOL_2D") == 1


def test_a_target_is_part_of_the_account(artifacts):
    account = json.loads(artifacts["gpu"].path.with_suffix(".tflite.json").read_text())
    assert "gpu" in json.dumps(account["target"])

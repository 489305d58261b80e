import pathlib

import keras
import numpy as np
import pytest

import tfcompress as tfc
from tests.models import build_classifier, tf_keras_is_slow, train_in_own_keras
from tfcompress.errors import (
    ArgumentError,
    DataError,
    ExportError,
    ModelError,
    OutputError,
)
from tfcompress.quantization.schemes import SCHEMES

post_training = tfc.quantization.post_training


@pytest.fixture(scope="module")
def model(digits):
    keras.utils.set_random_seed(1)
    model = build_classifier(keras, name="classifier")
    train_in_own_keras(keras, model, digits[0], epochs=6)
    return model


@pytest.fixture(scope="module")
def float_file(model):
    return post_training(model, scheme="float32")


@pytest.fixture(scope="module")
def data(digits):
    return digits[0][0][:100]


def accuracy(artifact, digits):
    x, y = digits[1]
    return (artifact.predict(x).argmax(-1) == y).mean()


@pytest.fixture(scope="module")
def artifacts(float_file, data):
    return {
        name: post_training(float_file, scheme=name, representative_data=data)
        for name in SCHEMES
    }


@pytest.mark.parametrize("name", SCHEMES)
def test_every_scheme_keeps_the_accuracy(name, artifacts, digits):
    loss = accuracy(artifacts["float32"], digits) - accuracy(artifacts[name], digits)
    assert loss <= (0.06 if "int4" in name else 0.02)


def test_files_are_smaller(artifacts):
    sizes = {name: artifact.bytes for name, artifact in artifacts.items()}
    assert sizes["float16"] < sizes["float32"]
    assert sizes["dynamic_range"] < sizes["float16"]
    assert sizes["dynamic_int4"] < sizes["dynamic_range"]
    for artifact in artifacts.values():
        assert artifact.bytes == artifact.path.stat().st_size


def test_full_integer_file(artifacts):
    artifact = artifacts["int8"]
    assert artifact.float_operations == ()
    file = tfc.measurement.LiteRTModel(artifact)
    assert {d.dtype for d in file.input_details.values()} == {np.dtype(np.int8)}
    assert {d.dtype for d in file.output_details.values()} == {np.dtype(np.int8)}
    assert set(artifact.layers.values()) <= {
        "int8 weights, int8 activations",
        "int8 activations",
    }
    file = tfc.measurement.LiteRTModel(artifacts["int8_float_io"])
    assert {d.dtype for d in file.input_details.values()} == {np.dtype(np.float32)}


def test_defaults_depend_on_data(float_file, data):
    assert post_training(float_file).target.name == "dynamic_range"
    chosen = post_training(float_file, representative_data=data)
    assert chosen.target.name == "int8"


def test_slow_schemes_say_so(float_file, data):
    with pytest.warns(UserWarning, match="40 times"):
        artifact = post_training(float_file, scheme="int16x8", representative_data=data)
    assert any("40 times" in note for note in artifact.notes)


def test_models_of_either_keras(trained, digits, data, tmp_path):
    before = [np.array(weight) for weight in trained.get_weights()]
    path = tmp_path / "model.tflite"
    artifact = post_training(trained, path, representative_data=data)
    assert artifact.path == path
    expected = np.asarray(trained(digits[1][0], training=False)).argmax(-1)
    same = artifact.predict(digits[1][0]).argmax(-1) == expected
    assert same.mean() > 0.97
    for old, new in zip(before, trained.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_layers_by_name_and_pattern(model, data):
    kernels = [layer.name for layer in model.layers if layer.weights]
    first, last = kernels[0], kernels[-1]
    artifact = post_training(
        model,
        representative_data=data,
        layers={"*": "int8", first: "float32", last: "int4"},
    )
    assert artifact.layers[first] == "float32 weights, float32 activations"
    assert artifact.layers[last] == "int4 weights, int8 activations"


def test_one_layer_of_a_float_file(model, float_file):
    last = model.layers[-1].name
    artifact = post_training(float_file, scheme="float32", layers={last: "int4"})
    assert artifact.layers[last] == "int4 weights, dynamic int8 activations"
    others = [told for name, told in artifact.layers.items() if name != last]
    assert not any("int" in told for told in others)


def test_a_file_has_the_same_layers_as_the_model(model, float_file):
    from_model = post_training(model).layers
    assert post_training(float_file).layers == from_model
    assert set(from_model) <= {layer.name for layer in model.layers}


def test_a_file_is_not_changed(float_file, data):
    before = float_file.path.read_bytes()
    post_training(float_file, representative_data=data)
    assert float_file.path.read_bytes() == before


@tf_keras_is_slow
@pytest.mark.parametrize("kind", ["GRU", "LSTM"])
def test_recurrent_layers_get_whole_number_weights(kind, either_keras):
    either_keras.utils.set_random_seed(0)
    layer = getattr(either_keras.layers, kind)
    model = either_keras.Sequential(
        [
            either_keras.Input((6, 4)),
            layer(8, name="memory"),
            either_keras.layers.Dense(3, name="head"),
        ]
    )
    x = np.random.default_rng(0).normal(size=(30, 6, 4))
    with pytest.warns(UserWarning, match="loops"):
        artifact = post_training(model, representative_data=x)
    assert artifact.layers["head"] == "int8 weights, int8 activations"
    stored = {
        name for name in artifact.operations if name.startswith("FULLY_CONNECTED")
    }
    assert stored
    assert artifact.verification.relative_error < 0.1


@pytest.mark.slow
def test_operations_that_the_quantizer_does_not_know(data):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(4, 3, name="convolution"),
            keras.layers.LeakyReLU(name="leaky"),
            keras.layers.Flatten(),
            keras.layers.Dense(3, name="head"),
        ]
    )
    artifact = post_training(model, representative_data=data)
    assert artifact.float_operations == ()
    assert artifact.layers["convolution"] == "int8 weights, int8 activations"
    assert artifact.layers["leaky"] == "int8 activations"
    file = post_training(model, scheme="float32")
    with pytest.warns(UserWarning, match="LEAKY_RELU"):
        artifact = post_training(file, representative_data=data)
    assert {op.kind for op in artifact.float_operations} == {"LEAKY_RELU"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scheme", "share"),
    [
        ("dynamic_range", 0.35),
        pytest.param("weight_only_int8", 0.35, marks=pytest.mark.slow),
        pytest.param("float16", 0.6, marks=pytest.mark.slow),
    ],
)
def test_tables_are_quantized(scheme, share):
    keras.utils.set_random_seed(0)
    tokens = keras.Input((6,), dtype="int32", name="tokens")
    x = keras.layers.Embedding(500, 16, name="table")(tokens)
    x = keras.layers.Dense(16, activation="relu", name="wide")(x)
    x = keras.layers.GlobalAveragePooling1D()(x)
    model = keras.Model(tokens, keras.layers.Dense(2, name="head")(x))
    x = np.random.default_rng(0).integers(0, 500, (20, 6))
    artifact = post_training(model, scheme=scheme, representative_data=x)
    whole = post_training(model, scheme="float32", representative_data=x)
    assert artifact.bytes < share * whole.bytes
    assert not artifact.layers["table"].startswith("float32 weights")
    assert artifact.verification.relative_error < 0.05


@pytest.mark.slow
def test_int4_in_one_by_one_convolutions(data):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(6, 3, name="wide", activation="relu"),
            keras.layers.Conv2D(8, 1, name="pixel", activation="relu"),
            keras.layers.Conv2D(8, 1, strides=2, name="strided"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(3, name="head"),
        ]
    )
    artifact = post_training(model, scheme="dynamic_int4", representative_data=data)
    assert artifact.notes == ()
    assert artifact.layers["wide"].startswith("int8 weights")
    assert artifact.layers["pixel"].startswith("int4 weights")
    assert artifact.layers["strided"].startswith("int8 weights")
    assert artifact.layers["head"].startswith("int4 weights")
    assert artifact.verification.relative_error < 0.25
    with pytest.warns(UserWarning, match="2 to 4 times"):
        post_training(model, layers={"wide": "int4", "strided": "int4"})


def test_constant_data(float_file):
    ones = np.ones((10, 8, 8, 1))
    artifact = post_training(float_file, representative_data=ones)
    assert np.isfinite(artifact.predict(ones[:1])).all()
    # The quantizer writes a wrong file, whose noise is stronger than the signal.
    with pytest.raises(ExportError, match="does not do what"):
        post_training(float_file, representative_data=0 * ones)


def test_data_of_other_types(float_file, data, artifacts):
    doubles = post_training(float_file, representative_data=data.astype(np.float64))
    assert doubles.path.read_bytes() == artifacts["int8"].path.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"scheme": "int3"}, ArgumentError, "scheme must be one of"),
        ({"scheme": "int8"}, ArgumentError, "representative_data"),
        ({"layers": {"nothing_like_it": "int8"}}, ArgumentError, "nearest"),
        ({"layers": {"*": "int7"}}, ArgumentError, "format is one of"),
        ({"layers": ["a"]}, ArgumentError, "mapping"),
        ({"batch": 0}, ArgumentError, "batch"),
        ({"path": "model.h5"}, ArgumentError, "tflite"),
        ({"path": "no/such/folder/a.tflite"}, OutputError, "folder"),
        ({"representative_data": np.zeros((0, 8, 8, 1))}, DataError, "one sample"),
        ({"representative_data": np.zeros((4, 5, 5, 1))}, DataError, "shape"),
        ({"representative_data": np.full((4, 8, 8, 1), np.nan)}, DataError, "finite"),
    ],
)
def test_bad_arguments(float_file, arguments, error, match):
    with pytest.raises(error, match=match):
        post_training(float_file, **arguments)


def test_bad_files(artifacts, tmp_path):
    with pytest.raises(ModelError, match="int8"):
        post_training(artifacts["int8"])
    with pytest.raises(ModelError, match="float16"):
        post_training(artifacts["float16"])
    damaged = tmp_path / "damaged.tflite"
    damaged.write_bytes(artifacts["float32"].path.read_bytes()[:1000])
    with pytest.raises(ModelError):
        post_training(damaged)
    with pytest.raises(ModelError):
        post_training(tmp_path / "missing.tflite")


@pytest.mark.slow
def test_int4_where_there_is_no_kernel_for_it(data):
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.DepthwiseConv2D(3, name="depthwise"),
            keras.layers.Dropout(0.5, name="dropped"),
            keras.layers.Flatten(),
        ]
    )
    with pytest.raises(ArgumentError, match="int4"):
        post_training(model, layers={"depthwise": "int4"})
    with pytest.raises(ArgumentError, match="no operation of its own"):
        post_training(model, layers={"dropped": "int8"})


def test_models_that_another_function_writes(trained):
    if keras.Model not in type(trained).__mro__:
        aware = tfc.quantization.QuantizationAwareTraining().apply(trained)
        with pytest.raises(ModelError, match="quantization-aware"):
            post_training(aware)


def test_nothing_is_written_when_it_fails(float_file, tmp_path):
    path = tmp_path / "model.tflite"
    with pytest.raises(ArgumentError):
        post_training(float_file, path, layers={"nothing": "int8"})
    assert list(pathlib.Path(tmp_path).iterdir()) == []


def test_strict_refuses_float_operations(tmp_path):
    inputs = keras.Input((6, 4))
    x = keras.layers.GRU(4, name="steps")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2, name="logits")(x))
    x = np.random.default_rng(0).random((8, 6, 4), np.float32)
    path = tmp_path / "steps.tflite"
    with pytest.raises(ExportError, match="strict=True"):
        tfc.quantization.post_training(
            model, path, scheme="int8", representative_data=x, strict=True
        )
    assert not path.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scheme": ["int8"]}, "Received: scheme="),
        ({"layers": {3: "int4"}}, "Received: layers="),
        ({"layers": {"logits": ["int4"]}}, "in layers"),
        ({"path": 3}, "Received: path=3"),
    ],
)
def test_arguments_of_other_types(trained, arguments, message):
    with pytest.raises(ArgumentError, match=message):
        tfc.quantization.post_training(trained, **arguments)


def test_a_layer_that_cannot_have_int4_is_noted(tmp_path):
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(32, 3, name="stem")(inputs)
    x = keras.layers.Conv2D(32, 3, name="conv")(x)
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x))
    with pytest.warns(UserWarning, match="stem: int8 weights in place of int4"):
        artifact = tfc.quantization.post_training(
            model, tmp_path / "m.tflite", layers={"stem": "int4"}
        )
    assert artifact.layers["stem"].startswith("int8")
    assert artifact.target.weights == "int8"


def test_a_file_that_is_not_compared_says_so(float_file, tmp_path):
    with pytest.warns(UserWarning, match="not compared with the model"):
        artifact = post_training(
            float_file,
            tmp_path / "m.tflite",
            representative_data=np.zeros((10, 8, 8, 1)),
            verification=False,
        )
    assert artifact.verification is None
    assert artifact.recipe["verification"] is False

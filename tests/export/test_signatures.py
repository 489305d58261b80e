"""Several models as signatures of one file, and models given as graphs."""

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

import tfcompress as tfc
from tests.models import tf_keras_is_slow
from tfcompress import keras_compat
from tfcompress.errors import ArgumentError, DataError


@pytest.fixture(scope="module")
def samples():
    return np.random.default_rng(0).normal(size=(24, 6)).astype(np.float32)


@pytest.fixture(scope="module", params=["keras", "tf_keras"])
def models(request):
    """Two models that share a large layer."""
    module = {"keras": keras_compat.keras, "tf_keras": keras_compat.tf_keras}[
        request.param
    ]()
    module.utils.set_random_seed(0)
    inputs = module.Input((6,), name="x")
    shared = module.layers.Dense(400, activation="relu", name="shared")(inputs)
    scores = module.layers.Dense(3, name="scores")(shared)
    return {
        "embed": module.Model(inputs, shared, name="embedding"),
        "classify": module.Model(inputs, scores, name="classifier"),
    }


def test_several_signatures_in_one_file(models, samples, tmp_path):
    in_keras = not keras_compat.is_tf_keras(models["embed"])
    target = "cpu_int8" if in_keras else "cpu_float32"
    both = tfc.export.to_tflite(
        models,
        tmp_path / "both.tflite",
        target=target,
        representative_data=dict.fromkeys(models, samples),
    )
    bytes_alone = {}
    interpreter = Interpreter(str(both.path))
    assert sorted(interpreter.get_signature_list()) == sorted(models)
    for name, model in models.items():
        alone = tfc.export.to_tflite(
            model,
            tmp_path / f"{name}.tflite",
            target=target,
            representative_data=samples,
        )
        bytes_alone[name] = alone.bytes
        np.testing.assert_array_equal(
            both.predict(samples, signature=name), alone.predict(samples)
        )
        # LiteRT's own way to run a signature.
        details = both.signatures[name]
        stored = details.inputs["x"].quantize(samples[:1])
        (found,) = interpreter.get_signature_runner(name)(x=stored).values()
        (output,) = details.outputs.values()
        np.testing.assert_array_equal(
            output.dequantize(found), alone.predict(samples[:1])
        )
        assert details.verification == alone.verification
    kernel = 6 * 400 * (4 if target == "cpu_float32" else 1)
    assert both.bytes < sum(bytes_alone.values()) - kernel
    assert tfc.export.Artifact.read(both) == both
    with pytest.raises(ArgumentError, match=r"\['classify', 'embed'\]|\['embed'"):
        both.predict(samples)


def test_loops_of_several_signatures(tmp_path):
    """The body of a loop is a graph of its own, whose number changes."""
    keras.utils.set_random_seed(0)
    models = {}
    for name, units in (("slow", 3), ("fast", 5)):
        inputs = keras.Input((7, 2), name="x")
        models[name] = keras.Model(inputs, keras.layers.GRU(units)(inputs))
    x = np.random.default_rng(0).normal(size=(4, 7, 2)).astype(np.float32)
    artifact = tfc.export.to_tflite(
        models, tmp_path / "both.tflite", target="cpu_float32"
    )
    assert artifact.operations["WHILE int32"] == 2
    for name, model in models.items():
        np.testing.assert_allclose(
            artifact.predict(x, signature=name), np.asarray(model(x)), atol=1e-5
        )


def test_signatures_with_a_state_each(tmp_path):
    """Layers of one name in two models are two layers, and so are their states."""
    keras.utils.set_random_seed(0)
    models = {}
    for name, units in (("slow", 3), ("fast", 5)):
        inputs = keras.Input((4, 2), batch_size=1, name="x")
        outputs = keras.layers.GRU(units, stateful=True, name="memory")(inputs)
        models[name] = keras.Model(inputs, outputs)
    artifact = tfc.export.to_tflite(
        models, tmp_path / "both.tflite", target="cpu_float32"
    )
    x = np.random.default_rng(0).normal(size=(1, 4, 2)).astype(np.float32)
    interpreter = Interpreter(str(artifact.path))
    for model in models.values():
        model.get_layer("memory").reset_state()
    for _ in range(2):
        for name, model in models.items():
            (found,) = interpreter.get_signature_runner(name)(x=x).values()
            np.testing.assert_allclose(found, np.asarray(model(x)), atol=1e-5)


def test_a_dict_of_one_model_names_its_signature(models, samples, tmp_path):
    artifact = tfc.export.to_tflite(
        {"embed": models["embed"]}, tmp_path / "one.tflite", target="cpu_float32"
    )
    assert list(artifact.signatures) == ["embed"]
    np.testing.assert_allclose(
        artifact.predict(samples), np.asarray(models["embed"](samples)), atol=1e-5
    )


def test_data_of_several_models_is_a_dict(models, samples, tmp_path):
    for data in (samples, {"embed": samples}):
        with pytest.raises(DataError, match=r"\['embed', 'classify'\]"):
            tfc.export.to_tflite(
                models, tmp_path / "m.tflite", representative_data=data
            )
    with pytest.raises(ArgumentError, match=r"Received: \[\]"):
        tfc.export.to_tflite({}, tmp_path / "m.tflite", target="cpu_float32")
    with pytest.raises(ArgumentError, match="one function of a file"):
        tfc.export.to_tflite(models, tmp_path / "m.tflite", target="microcontroller")


def test_a_graph_is_exported(models, samples, tmp_path):
    model = models["classify"]
    artifact = tfc.export.to_tflite(
        keras_compat.read(model), tmp_path / "graph.tflite", target="cpu_float32"
    )
    np.testing.assert_allclose(
        artifact.predict(samples), np.asarray(model(samples)), atol=1e-5
    )


@tf_keras_is_slow
@pytest.mark.parametrize("target", ["cpu_float32", "cpu_int8"])
def test_each_output_of_one_layer_has_a_name(either_keras, target, tmp_path):
    either_keras.utils.set_random_seed(0)
    inputs = either_keras.layers.Input((3, 2), name="x")
    memory = either_keras.layers.LSTM(4, return_state=True, name="memory")
    model = either_keras.Model(inputs, memory(inputs))
    x = np.random.default_rng(0).normal(size=(24, 3, 2)).astype(np.float32)
    artifact = tfc.export.to_tflite(
        model, tmp_path / "m.tflite", target=target, representative_data=x
    )
    found = artifact.predict(x)
    assert sorted(found) == ["memory", "memory_1", "memory_2"]
    named = tfc.measurement.predict(model, x)
    for name, wanted in zip(sorted(found), model(x), strict=True):
        np.testing.assert_allclose(found[name], np.asarray(wanted), atol=0.03)
        np.testing.assert_allclose(named[name].scores, np.asarray(wanted), atol=1e-5)


def test_a_signature_can_be_measured(models, samples, tmp_path):
    path = tmp_path / "both.tflite"
    tfc.export.to_tflite(models, path, target="cpu_float32")
    model, labels = models["classify"], np.arange(24) % 3
    data = (samples, labels)
    file = tfc.measurement.LiteRTModel(path, signature="classify")
    exact = np.mean(np.argmax(np.asarray(model(samples)), axis=-1) == labels)
    assert tfc.measurement.evaluate(file, data).accuracy == pytest.approx(exact)
    assert tfc.measurement.agreement(model, file, samples).share == 1.0
    assert tfc.measurement.mcnemar(model, file, data).p_value == 1.0
    rows = tfc.report.compare({"model": model, "file": file}, data, seconds=0.01)
    assert rows["file"].accuracy == pytest.approx(exact)
    assert rows["file"].target == "cpu_float32"
    for measure in (tfc.measurement.evaluate, tfc.measurement.predict):
        with pytest.raises(ArgumentError, match=r"LiteRTModel\(path, signature=...\)"):
            measure(path, data)


def test_layers_of_one_of_several_signatures(models, samples, tmp_path):
    path = tmp_path / "both.tflite"
    tfc.export.to_tflite(models, path, target="cpu_float32")
    for name, layers in (("embed", {"shared"}), ("classify", {"shared", "scores"})):
        for signature in (None, name):
            found = tfc.export.compare_layers(
                path, models[name], samples, signature=signature
            )
            assert {each.layer for each in found} == layers
            assert found.first_departure is None
    with pytest.raises(ArgumentError, match=r"'embed'.*Received: signature='none'"):
        tfc.export.compare_layers(path, models["embed"], samples, signature="none")


def test_a_note_on_size_names_the_model(tmp_path):
    models = {}
    for name in ("left", "right"):
        inputs = keras.Input((4,))
        models[name] = keras.Model(inputs, keras.layers.Dense(3)(inputs), name=name)
    path = tmp_path / "both.tflite"
    with pytest.warns(UserWarning, match="Model 'left' takes .*float32 of the weights"):
        artifact = tfc.export.to_tflite(models, path, target="cpu_float16")
    for name in models:
        assert any(f"Model '{name}' takes" in note for note in artifact.notes)

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from tests.keras_compat.comparison import largest_difference, state_of
from tfcompress import keras_compat
from tfcompress.errors import ArgumentError, ModelError


def small():
    keras.utils.set_random_seed(0)
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(8, 3),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Flatten(),
            layers.Dense(2, activation="softmax"),
        ],
        name="small",
    )


@pytest.fixture(scope="module")
def data():
    x = np.random.default_rng(0).normal(size=(64, 8, 8, 1)).astype("float32")
    return x, (x.sum((1, 2, 3)) > 0).astype("int32")


def train(model, data, **kwargs):
    model.compile(
        keras.optimizers.Adam(1e-2),
        keras.losses.SparseCategoricalCrossentropy(),
        metrics=[keras.metrics.SparseCategoricalAccuracy()],
    )
    return model.fit(*data, verbose=0, **kwargs)


def test_twin_remembers_its_origin_and_kind():
    model = small()
    twin = keras_compat.to_tf_keras(model)
    assert isinstance(twin, keras_compat.TwinModel)
    assert keras_compat.origin_of(twin) == "keras"
    assert keras_compat.origin_of(model) == "keras"
    assert keras_compat.origin_of(tf_keras.Sequential()) == "tf_keras"
    assert isinstance(keras_compat.to_keras(twin), keras.Sequential)
    again = keras_compat.to_origin(twin, like=twin)
    assert isinstance(again, keras.Sequential)
    assert keras_compat.origin_of(keras_compat.to_tf_keras(twin)) == "keras"


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_twin_survives_saving(suffix, data, tmp_path):
    twin = keras_compat.to_tf_keras(small())
    train(twin, data)
    twin.save(tmp_path / f"twin.{suffix}")
    loaded = tf_keras.models.load_model(tmp_path / f"twin.{suffix}")
    assert isinstance(loaded, keras_compat.TwinModel)
    assert loaded.origin == "keras"
    assert loaded.sequential
    assert largest_difference(twin, loaded) < 1e-6
    assert loaded.optimizer.get_config() == twin.optimizer.get_config()
    loaded.fit(*data, verbose=0)


def test_pruned_twin_trains_and_comes_back(data):
    model = small()
    before = state_of(model)
    sparsity = keras_compat.tfmot().sparsity.keras
    twin = keras_compat.to_tf_keras(model)
    schedule = sparsity.ConstantSparsity(0.5, begin_step=0, frequency=1)
    pruned = sparsity.prune_low_magnitude(twin, pruning_schedule=schedule)
    pruned = keras_compat.adopt(pruned, origin="keras", sequential=True)
    stop = keras.callbacks.EarlyStopping(patience=5)
    train(
        pruned,
        data,
        epochs=2,
        validation_data=data,
        callbacks=[sparsity.UpdatePruningStep(), stop],
    )
    stripped = sparsity.strip_pruning(pruned)
    plain = keras_compat.to_origin(stripped, like=pruned)
    assert isinstance(plain, keras.Sequential)
    kernels = [w.numpy() for w in plain.weights if w.name == "kernel"]
    assert [float((k == 0).mean()) for k in kernels] == [0.5, 0.5]
    assert state_of(model) == before


def test_quantization_aware_twin_trains_and_converts(data):
    quantization = keras_compat.tfmot().quantization.keras
    twin = keras_compat.to_tf_keras(small())
    aware = keras_compat.adopt(quantization.quantize_model(twin), origin="keras")
    train(aware, data)
    converter = tf.lite.TFLiteConverter.from_keras_model(aware)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    assert converter.convert()[4:8] == b"TFL3"


def test_adopting_shares_layers():
    model = tf_keras.Sequential([tf_keras.Input((4,)), tf_keras.layers.Dense(2)])
    twin = keras_compat.adopt(model, origin="tf_keras")
    assert twin.layers[-1] is model.layers[-1]
    assert twin.sequential


def test_wrong_origins_and_models_are_errors():
    model = tf_keras.Sequential([tf_keras.Input((4,)), tf_keras.layers.Dense(2)])
    with pytest.raises(ArgumentError, match="origin='keras2'"):
        keras_compat.adopt(model, origin="keras2")
    with pytest.raises(ModelError, match="Sequential"):
        keras_compat.adopt(tf_keras.Sequential(), origin="keras")
    with pytest.raises(ModelError, match=r"builtins\.int"):
        keras_compat.origin_of(3)


def test_frozen_layers_stay_frozen():
    model = small()
    model.layers[0].trainable = False
    for twin in (keras_compat.to_tf_keras(model), keras_compat.to_keras(model)):
        assert not twin.get_layer(model.layers[0].name).trainable
        assert len(twin.trainable_weights) == len(model.trainable_weights)
    model.trainable = False
    assert not keras_compat.to_tf_keras(model).trainable_weights


def test_compiled_models_keep_their_training_state(data):
    model = small()
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(*data, verbose=0)
    before, steps = state_of(model), int(model.optimizer.iterations)
    keras_compat.to_tf_keras(model)
    keras_compat.to_keras(model)
    assert state_of(model) == before
    assert int(model.optimizer.iterations) == steps


def test_graph_without_types_builds_in_either_keras():
    graph = keras_compat.read(small())
    layers = {k: dataclasses.replace(v, type=None) for k, v in graph.layers.items()}
    graph = dataclasses.replace(graph, layers=layers)
    for name in ("keras", "tf_keras"):
        assert largest_difference(small(), keras_compat.build(graph, keras=name)) < 1e-5

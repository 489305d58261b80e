import keras
import pytest
import tensorflow as tf
import tf_keras

from tests.keras_compat import models
from tests.keras_compat.comparison import (
    largest_difference,
    layer_names,
    state_of,
    weight_bytes,
)
from tfcompress import keras_compat
from tfcompress.errors import ModelError

MODULES = {"keras": keras, "tf_keras": tf_keras}


BOTH_WAYS = [
    pytest.param(home, make, id=f"{make.__name__}-{home}")
    for make in models.IN_BOTH
    for home in MODULES
]


@pytest.mark.parametrize(("home", "make"), BOTH_WAYS)
def test_model_goes_there_and_back(make, home):
    model = make(MODULES[home])
    before = state_of(model)
    there = keras_compat.to_keras if home == "tf_keras" else keras_compat.to_tf_keras
    back = keras_compat.to_keras if home == "keras" else keras_compat.to_tf_keras
    twin = there(model)
    again = back(twin)
    copy = back(model)
    for other in (twin, again, copy):
        assert largest_difference(model, other) < (
            5e-3 if make is models.mixed_precision else 1e-5
        )
        assert weight_bytes(model) == weight_bytes(other)
        assert model.name == other.name
        known = set(layer_names(other))
        assert set(layer_names(model)) - known <= {"input_layer", "input_1"}
    assert keras_compat.is_tf_keras(twin) == (home == "keras")
    assert keras_compat.is_tf_keras(again) == (home == "tf_keras")
    assert state_of(model) == before
    assert not {id(w) for w in copy.weights} & {id(w) for w in model.weights}
    trainable = {w.shape for w in model.trainable_weights}
    assert trainable == {w.shape for w in twin.trainable_weights}
    assert len(model.trainable_weights) == len(again.trainable_weights)


@pytest.mark.parametrize("home", MODULES)
@pytest.mark.parametrize(
    "texts", [[["a", "z", "c"]], [["c", "", "b"], ["a", "a", "y"]]]
)
def test_tables_of_strings_cross(home, texts):
    module = MODULES[home]
    inputs = module.Input((3,), dtype="string")
    lookup = module.layers.StringLookup(vocabulary=["a", "b", "c"])
    counted = module.layers.StringLookup(output_mode="count")
    counted.adapt(["c", "b", "b"])
    model = module.Model(inputs, [lookup(inputs), counted(inputs)])
    cross = keras_compat.to_tf_keras if home == "keras" else keras_compat.to_keras
    assert largest_difference(model, cross(model), tf.constant(texts)) == 0


def test_names_that_the_other_keras_does_not_allow_become_others():
    inputs = tf_keras.Input((4,), name="in/put")
    model = tf_keras.Model(inputs, tf_keras.layers.Dense(2, name="a/b")(inputs))
    assert layer_names(keras_compat.to_keras(model)) == ["in_put", "a_b"]
    inputs = keras.Input((4,), name="in put")
    model = keras.Model(inputs, keras.layers.Dense(2, name="_dense (1)")(inputs))
    names = layer_names(keras_compat.to_tf_keras(model))
    assert names == ["in_put", "layer_dense__1_"]


def test_losses_beside_the_outputs_are_an_error():
    inputs = tf_keras.Input((4,))
    outputs = tf_keras.layers.Dense(2)(inputs)
    model = tf_keras.Model(inputs, outputs)
    model.add_loss(tf.reduce_sum(outputs))
    with pytest.raises(ModelError, match="AddLoss"):
        keras_compat.to_keras(model)

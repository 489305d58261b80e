import keras
import numpy as np
import pytest
import tf_keras

from tests.keras_compat.comparison import largest_difference, weight_bytes
from tfcompress import keras_compat
from tfcompress.errors import ArgumentError, ModelError, UnsupportedLayerError


class Scale(keras.layers.Layer):
    def __init__(self, start=2.0, **kwargs):
        super().__init__(**kwargs)
        self.start = start

    def build(self, input_shape):
        self.scale = self.add_weight(
            shape=(input_shape[-1],),
            initializer=keras.initializers.Constant(self.start),
        )

    def call(self, inputs):
        return inputs * self.scale

    def get_config(self):
        return {**super().get_config(), "start": self.start}


class LegacyScale(tf_keras.layers.Layer):
    def __init__(self, begin=2.0, **kwargs):
        super().__init__(**kwargs)
        self.begin = begin

    def build(self, input_shape):
        self.scale = self.add_weight(
            "factor",
            (input_shape[-1],),
            initializer=tf_keras.initializers.Constant(self.begin),
        )
        super().build(input_shape)

    def call(self, inputs):
        return inputs * self.scale

    def get_config(self):
        return {**super().get_config(), "begin": self.begin}


class Unknown(keras.layers.Layer):
    def call(self, inputs):
        return inputs + 1


@keras.saving.register_keras_serializable(package="tests")
def cubed(x):
    return x**3


class Noisy(keras.initializers.Initializer):
    def __call__(self, shape, dtype=None):
        return keras.random.normal(shape, dtype=dtype, seed=1)


def with_layer(module, layer):
    inputs = module.Input((4,))
    return module.Model(inputs, layer(module.layers.Dense(4)(inputs)))


def test_custom_layer_stays_in_its_own_keras():
    model = with_layer(keras, Unknown(name="mine"))
    copy = keras_compat.to_keras(model)
    assert isinstance(copy.get_layer("mine"), Unknown)
    assert largest_difference(model, copy) == 0


def test_custom_layer_without_a_twin_is_an_error_that_shows_the_call():
    model = with_layer(keras, Unknown(name="mine"))
    with pytest.raises(UnsupportedLayerError, match=r"'mine'.*register_twin\(Unknown"):
        keras_compat.to_tf_keras(model)


def test_custom_layer_crosses_with_its_registered_twin():
    keras_compat.register_twin(
        Scale,
        LegacyScale,
        to_tf_keras=lambda config: {"dtype": config["dtype"], "begin": config["start"]},
        to_keras=lambda config: {"dtype": config["dtype"], "start": config["begin"]},
    )
    model = with_layer(keras, Scale(3.0, name="mine"))
    twin = keras_compat.to_tf_keras(model)
    assert twin.get_layer("mine").begin == 3.0
    again = keras_compat.to_keras(twin)
    assert again.get_layer("mine").start == 3.0
    assert largest_difference(model, twin) < 1e-6
    assert weight_bytes(model) == weight_bytes(again)


def test_twins_must_be_of_the_two_kerases():
    with pytest.raises(ArgumentError, match="tf_keras_class must be a subclass"):
        keras_compat.register_twin(Scale, Scale)


def test_functions_and_initializers_of_the_users_own_cross():
    inputs = keras.Input((4,))
    layer = keras.layers.Dense(3, activation=cubed, kernel_initializer=Noisy())
    model = keras.Model(inputs, layer(inputs))
    assert largest_difference(model, keras_compat.to_tf_keras(model)) < 1e-6
    copy = keras_compat.to_keras(model)
    assert copy.layers[-1].activation is cubed
    assert largest_difference(model, copy) == 0


@pytest.mark.parametrize("module", [keras, tf_keras], ids=["keras", "tf_keras"])
def test_lambda_crosses_only_when_trusted(module):
    model = with_layer(module, module.layers.Lambda(lambda x: 2 * x, name="code"))
    there = keras_compat.to_tf_keras if module is keras else keras_compat.to_keras
    same = keras_compat.to_keras if module is keras else keras_compat.to_tf_keras
    assert largest_difference(model, same(model)) == 0
    with pytest.raises(
        UnsupportedLayerError, match=r"'code' is a Lambda.*trusted=True"
    ):
        there(model)
    assert largest_difference(model, there(model, trusted=True)) == 0


def test_argument_that_the_other_keras_lacks_is_an_error():
    inputs = keras.Input((6, 3))
    layer = keras.layers.LayerNormalization(rms_scaling=True, name="rms")
    with pytest.raises(UnsupportedLayerError, match=r"'rms'.*'rms_scaling'"):
        keras_compat.to_tf_keras(keras.Model(inputs, layer(inputs)))


def test_layer_that_only_one_keras_has_is_an_error():
    inputs = keras.Input((6, 3))
    layer = keras.layers.RMSNormalization(name="rms")
    with pytest.raises(UnsupportedLayerError, match=r"'rms' has no twin in tf_keras"):
        keras_compat.to_tf_keras(keras.Model(inputs, layer(inputs)))
    legacy = tf_keras.Input((6, 3))
    only = tf_keras.layers.LocallyConnected1D(2, 3, name="local")
    with pytest.raises(UnsupportedLayerError, match=r"'local' has no twin in keras"):
        keras_compat.to_keras(tf_keras.Model(legacy, only(legacy)))


def test_a_layer_shared_between_nested_models_stays_shared():
    shared = keras.layers.Dense(4, name="shared")
    inner = keras.Input((4,))
    nested = keras.Model(inner, shared(inner), name="nested")
    outer = keras.Input((4,))
    model = keras.Model(outer, shared(nested(outer)))
    twin = keras_compat.to_tf_keras(model)
    assert len(twin.weights) == 2
    assert largest_difference(model, twin) < 1e-6


def test_weight_used_outside_its_layer_is_an_error():
    weight = keras.Variable(np.ones((4, 4), "float32"), name="loose")
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.ops.matmul(inputs, weight))
    with pytest.raises(ModelError, match="'loose'"):
        keras_compat.read(model)

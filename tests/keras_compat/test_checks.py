import keras
import numpy as np
import pytest
import tf_keras

from tfcompress import keras_compat
from tfcompress.errors import ModelError


@pytest.fixture(params=[keras, tf_keras], ids=["keras", "tf_keras"])
def module(request):
    return request.param


def test_what_is_not_a_model_is_an_error(module):
    with pytest.raises(ModelError, match=r"teacher must be .* of type builtins\.str"):
        keras_compat.check_model("model", "teacher")
    with pytest.raises(ModelError, match="Dense"):
        keras_compat.check_model(module.layers.Dense(2))


def test_subclassed_model_is_told_how_to_become_functional(module):
    class Mine(module.Model):
        def __init__(self):
            super().__init__()
            self.dense = module.layers.Dense(2)

        def call(self, inputs):
            return self.dense(inputs)

    with pytest.raises(ModelError, match=r"Input\(shape\).*subclass Mine"):
        keras_compat.check_model(Mine())


def test_functional_model_with_a_call_of_its_own_is_subclassed(module):
    class Mine(module.Model):
        def call(self, inputs, training=None, mask=None):
            return 2 * super().call(inputs, training=training)

    inputs = module.Input((4,))
    model = Mine(inputs, module.layers.Dense(2)(inputs))
    with pytest.raises(ModelError, match="subclass Mine"):
        keras_compat.check_model(model)


def test_unbuilt_model_is_told_how_to_be_built(module):
    model = module.Sequential([module.layers.Dense(2)])
    with pytest.raises(ModelError, match=r"build\(input_shape\)"):
        keras_compat.check_model(model)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_named(module, value):
    model = module.Sequential([module.Input((4,)), module.layers.Dense(2, name="out")])
    model.layers[-1].kernel.assign(np.full((4, 2), value, "float32"))
    with pytest.raises(ModelError, match="out/kernel"):
        keras_compat.check_model(model)


def test_good_models_pass(module):
    inputs = module.Input((4,))
    keras_compat.check_model(module.Model(inputs, module.layers.Dense(2)(inputs)))
    keras_compat.check_model(
        module.Sequential([module.Input((4,)), module.layers.ReLU()])
    )

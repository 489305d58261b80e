import keras
import pytest
import tf_keras

from tests.keras_compat import models
from tests.keras_compat.comparison import (
    largest_difference,
    layer_names,
    state_of,
    weight_bytes,
)
from tfcompress import keras_compat

MODULES = {"keras": keras, "tf_keras": tf_keras}


@pytest.mark.parametrize("home", MODULES)
@pytest.mark.parametrize("make", models.IN_BOTH, ids=lambda make: make.__name__)
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

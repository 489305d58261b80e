import keras
import numpy as np
import pytest
import tf_keras
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.keras_compat.comparison import (
    layer_names,
    outputs_of,
    sample_inputs,
    state_of,
    weight_bytes,
)
from tests.keras_compat.random_models import make_model
from tfcompress import graph as graphs
from tfcompress import keras_compat

NUMBER = st.integers(0, 59)
PLANS = st.lists(st.tuples(NUMBER, NUMBER, NUMBER), min_size=1, max_size=7)
SHAPES = st.lists(
    st.sampled_from([(8, 8, 4), (6, 4), (5,)]), min_size=1, max_size=2
).map(tuple)
STRUCTURES = st.integers(0, 8)
CHECKS = [HealthCheck.too_slow, HealthCheck.data_too_large]
FAST = settings(
    max_examples=4, deadline=None, suppress_health_check=CHECKS, derandomize=True
)
MANY = settings(max_examples=260, deadline=None, suppress_health_check=CHECKS)


def assert_same(model, other):
    """Outputs within 1e-5 of the largest output, and the same weights."""
    inputs = sample_inputs(model)
    wanted, found = outputs_of(model, inputs), outputs_of(other, inputs)
    assert len(wanted) == len(found)
    largest = max(np.abs(output).max() for output in wanted) + 1e-3
    for first, second in zip(wanted, found, strict=True):
        assert first.shape == second.shape
        assert np.abs(first - second).max() <= 1e-5 * largest


def check_crossing(module, plan, shapes, structure):
    keras.backend.clear_session()
    model = make_model(module, plan, shapes=shapes, structure=structure)
    before = state_of(model)
    there, back = keras_compat.to_tf_keras, keras_compat.to_keras
    if module is tf_keras:
        there, back = back, there
    twin = there(model)
    again = back(twin)
    for other in (twin, again, back(model)):
        assert_same(model, other)
        assert weight_bytes(model) == weight_bytes(other)
        known = set(layer_names(other))
        assert {name.replace("/", "_") for name in layer_names(model)} <= {
            name.replace("/", "_") for name in known
        }
        assert len(model.trainable_weights) == len(other.trainable_weights)
    assert state_of(model) == before


def check_passes(module, plan, shapes, structure):
    keras.backend.clear_session()
    model = make_model(module, plan, shapes=shapes, structure=structure)
    changed = keras_compat.read(model)
    for change in (
        graphs.flatten_models,
        graphs.split_activations,
        graphs.fold_batch_normalization,
        graphs.fuse_activations,
        graphs.drop_training_layers,
        graphs.cast_to_float32,
        graphs.canonical_names,
    ):
        changed = change(changed)
    assert_same(model, keras_compat.build(changed, keras=model_keras(module)))


def model_keras(module):
    return "keras" if module is keras else "tf_keras"


@pytest.mark.slow
@pytest.mark.parametrize("module", [keras, tf_keras], ids=["keras", "tf_keras"])
def test_a_few_random_models_cross_and_come_back(module):
    @FAST
    @given(PLANS, SHAPES, STRUCTURES)
    def check(plan, shapes, structure):
        check_crossing(module, plan, shapes, structure)

    check()


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("module", [keras, tf_keras], ids=["keras", "tf_keras"])
def test_random_models_cross_and_come_back(module):
    @MANY
    @given(PLANS, SHAPES, STRUCTURES)
    def check(plan, shapes, structure):
        check_crossing(module, plan, shapes, structure)

    check()


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("module", [keras, tf_keras], ids=["keras", "tf_keras"])
def test_passes_leave_random_models_as_they_are(module):
    @settings(MANY, max_examples=100)
    @given(PLANS, SHAPES, STRUCTURES)
    def check(plan, shapes, structure):
        check_passes(module, plan, shapes, structure)

    check()

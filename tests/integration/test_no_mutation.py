"""No call changes the user's model, over every kind of model of the contract suite."""

import contextlib

import keras
import pytest
import tf_keras

import tfcompress as tfc
from tests.keras_compat import models
from tests.keras_compat.comparison import state_of
from tfcompress import keras_compat
from tfcompress.errors import TFCompressError

MODULES = {"keras": keras, "tf_keras": tf_keras}
CALLS = {
    "read": keras_compat.read,
    "to_keras": keras_compat.to_keras,
    "to_tf_keras": keras_compat.to_tf_keras,
    "summary": tfc.measurement.summary,
    "count_weights": tfc.measurement.count_weights,
    "prune": tfc.pruning.MagnitudePruning(sparsity=0.5).apply,
    "prune channels": tfc.pruning.ChannelPruning(0.5, round_to=1).apply,
    "cluster": tfc.sharing.WeightClustering(2).apply,
    "quantize": tfc.quantization.QuantizationAwareTraining().apply,
}
LONG = {
    *(models.masks_through_layers, models.masked, models.explicit_masks),
    *(models.transformer, models.encoder_decoder, models.bidirectional_states),
}
BOTH_WAYS = [
    pytest.param(
        home,
        make,
        id=f"{make.__name__}-{home}",
        marks=pytest.mark.slow if make in LONG else (),
    )
    for make in models.IN_BOTH
    for home in MODULES
]


@pytest.mark.parametrize(("home", "make"), BOTH_WAYS)
def test_the_users_model_stays_as_it_was(home, make):
    model = make(MODULES[home])
    for number, layer in enumerate(model.layers):
        layer.trainable = layer.trainable and number % 3 != 1
    model.compile(optimizer="sgd", loss="mse")
    before = state_of(model)
    for name, call in CALLS.items():
        # What a technique refuses, it must not touch either.
        with contextlib.suppress(TFCompressError):
            call(model)
        assert state_of(model) == before, name

"""Stages and models are told from others by what they are, not by their names."""

import keras
import numpy as np
import pytest

from tfcompress import keras_compat
from tfcompress.pipeline import (
    Distil,
    Distillation,
    Export,
    FineTune,
    Joint,
    PruneWeights,
    Quantize,
    Training,
)
from tfcompress.pipeline.model_fingerprint import fingerprint_loss, fingerprint_model
from tfcompress.pipeline.stage_key import stage_config, stage_key, stage_seed


def _build(module, *, units=4, activation="relu", value=0.5, rate=0.1):
    layers = module.layers
    inputs = layers.Input((3,))
    x = layers.Dense(units, activation=activation)(inputs)
    x = layers.Dropout(rate)(layers.Dense(units)(x))
    model = module.Model(inputs, layers.Add()([x, x]))
    model.set_weights([np.full(each.shape, value) for each in model.get_weights()])
    return model


def test_model_that_is_built_again_or_loaded_is_the_same(either_keras, tmp_path):
    first, second = _build(either_keras), _build(either_keras)
    assert [each.name for each in first.layers] != [each.name for each in second.layers]
    assert fingerprint_model(first) == fingerprint_model(second)
    second.save(tmp_path / "model.keras")
    loaded = keras_compat.load_model(tmp_path / "model.keras")
    assert fingerprint_model(loaded) == fingerprint_model(first)


@pytest.mark.parametrize(
    "change",
    [{"units": 5}, {"activation": "tanh"}, {"value": 0.25}, {"rate": 0.2}],
    ids=str,
)
def test_other_layers_or_weights_are_another_model(either_keras, change):
    model = fingerprint_model(_build(either_keras))
    assert fingerprint_model(_build(either_keras, **change)) != model


def test_wiring_is_a_part_of_a_model():
    def wire(order):
        a, b = keras.Input((3,), name="a"), keras.Input((3,), name="b")
        parts = [keras.layers.Dense(2, name="on_a", kernel_initializer="ones")(a)]
        parts.append(keras.layers.Dense(2, name="on_b", kernel_initializer="ones")(b))
        joined = keras.layers.Concatenate(name="join")([parts[i] for i in order])
        return keras.Model([a, b], joined)

    assert fingerprint_model(wire((0, 1))) == fingerprint_model(wire((0, 1)))
    assert fingerprint_model(wire((0, 1))) != fingerprint_model(wire((1, 0)))


def test_model_of_the_other_keras_is_another():
    models = [_build(keras), _build(keras_compat.tf_keras())]
    assert len({fingerprint_model(model) for model in models}) == 2


def test_loss_is_told_by_its_kind_and_settings(either_keras):
    losses = either_keras.losses
    given = [None, "mse", "mae", losses.Huber(), losses.Huber(2.0), {"add": "mse"}]
    codes = []
    for loss in given:
        model = _build(either_keras)
        model.compile(loss=loss)
        codes.append(fingerprint_loss(model))
    assert len(set(codes)) == len(given)
    again = _build(either_keras)
    again.compile(loss=losses.Huber())
    assert fingerprint_loss(again) == codes[3]
    assert fingerprint_loss(_build(either_keras)) == codes[0]


def _key(stage, **inputs):
    return stage_key(stage.kind, stage_config(stage), inputs)


def test_key_is_of_kind_fields_and_inputs():
    keys = {
        _key(FineTune()),
        _key(FineTune(training=Training(epochs=4))),
        _key(FineTune(distillation=Distillation())),
        _key(FineTune(distillation=Distillation(temperature=2))),
        _key(FineTune(), model="a"),
        _key(FineTune(), teacher="a"),
        _key(Distil(training=FineTune().training)),
        _key(Export()),
        _key(Joint(techniques=(Quantize(training=None),))),
        _key(Joint(techniques=(PruneWeights(training=None),))),
    }
    assert len(keys) == 10
    assert _key(FineTune(), model="a") == _key(FineTune(), model="a")


def test_models_stand_in_the_key_by_their_fingerprints_alone():
    one, other = (
        Distil(student=student, distillation=Distillation(teacher=teacher))
        for student, teacher in (("a.keras", "b.keras"), ("c.keras", "d.keras"))
    )
    assert _key(one, model="s", teacher="t") == _key(other, model="s", teacher="t")


def test_each_stage_draws_from_a_seed_of_its_own():
    seeds = {stage_seed(seed, name) for seed in (0, 1) for name in ("a", "b")}
    assert len(seeds) == 4
    assert all(0 <= seed < 2**32 for seed in seeds)

"""Optimizers by name or config, and learning rates worked out by hand."""

import keras
import numpy as np
import pytest
import tf_keras

from tfcompress.errors import ArgumentError
from tfcompress.pipeline import Training
from tfcompress.pipeline.fitting.optimizers import build_optimizer, learning_rate


@pytest.mark.parametrize("library", [keras, tf_keras])
def test_names_and_configs_are_optimizers_of_the_models_keras(library):
    config = {"class_name": "AdamW", "config": {"weight_decay": 0.01}}

    assert isinstance(
        build_optimizer(Training(optimizer="sgd"), library, 10), library.optimizers.SGD
    )
    built = build_optimizer(Training(optimizer=config), library, 10)
    assert isinstance(built, library.optimizers.AdamW)
    assert built.weight_decay == 0.01


@pytest.mark.parametrize("library", [keras, tf_keras])
def test_learning_rates_rise_and_fall(library):
    cosine = learning_rate(Training(learning_rate=0.4), library, 8)
    warm = learning_rate(Training(learning_rate=0.4, warmup=0.25), library, 8)
    flat = Training(learning_rate=0.4, warmup=0.5, schedule="constant")
    constant = learning_rate(flat, library, 8)

    # 0.4 · (1 + cos(π · 4/8)) / 2
    np.testing.assert_allclose([cosine(0), cosine(4), cosine(8)], [0.4, 0.2, 0], 1e-6)
    # Two steps of eight to warm up, then the cosine over six.
    found = [warm(0), warm(1), warm(2), warm(5), warm(8)]
    np.testing.assert_allclose(found, [0, 0.2, 0.4, 0.2, 0], atol=1e-6)
    found = [constant(0), constant(2), constant(4), constant(8)]
    np.testing.assert_allclose(found, [0, 0.2, 0.4, 0.4], atol=1e-6)
    plain = Training(learning_rate=0.3, schedule="constant")
    assert learning_rate(plain, library, 8) == 0.3


@pytest.mark.parametrize(
    ("optimizer", "words"),
    [
        ("adm", "'Adam'"),
        ({"class_name": "SGD", "config": {"momentun": 0.9}}, "momentun"),
        ({"class_name": "SGD", "config": {"learning_rate": 1.0}}, "learning rate"),
        ({"name": "SGD"}, "class_name"),
    ],
)
def test_misspelled_optimizers_are_told(optimizer, words):
    with pytest.raises(ArgumentError, match=words):
        build_optimizer(Training(optimizer=optimizer), keras, 1)

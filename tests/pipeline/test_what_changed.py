import dataclasses

import keras
import numpy as np
import pytest

from tfcompress.pipeline import Pipeline, PruneWeights
from tfcompress.pipeline.stage_record import StageRecord
from tfcompress.pipeline.what_changed import what_changed

DONE = StageRecord(
    key="0f3a",
    name="prune_weights",
    kind="prune_weights",
    config={"sparsity": 0.5, "ignore": ["head"]},
    inputs={"model": "a", "train": "b", "seed": "0"},
)


@pytest.mark.parametrize(
    ("inputs", "config", "changed"),
    [
        ({"model": "c"}, {}, ["the model"]),
        ({"model": "c", "train": "d"}, {}, ["the model", "the training data"]),
        ({"teacher": "e"}, {"sparsity": 0.6}, ["the teacher", "its settings"]),
        ({"file int8": "f"}, {}, ["the file of int8"]),
        ({"validation": "g"}, {}, ["the validation data"]),
        ({}, {"ignore": ("head",)}, []),
    ],
)
def test_what_is_named(inputs, config, changed):
    now = dataclasses.replace(
        DONE, inputs=DONE.inputs | inputs, config=DONE.config | config
    )
    assert what_changed(DONE, now) == changed


def test_a_run_says_why_a_stage_is_done_again(tmp_path, capfd):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    x, y = np.random.default_rng(0).random((32, 4)), np.arange(32) % 3
    said = []
    for sparsity, values in ((0.5, x), (0.5, x), (0.7, x), (0.7, x + 1)):
        stage = PruneWeights(sparsity=sparsity, training=None)
        data = values.astype("float32"), y
        Pipeline([stage]).run(model, data, data, directory=tmp_path / "run")
        said.append(capfd.readouterr().err.splitlines()[-2:])
    assert [line.split(" in ")[0] for line in said[1]] == ["prune_weights: done before"]
    assert said[2][0] == "prune_weights: done again; changed since: its settings"
    assert said[3][0] == "prune_weights: done again; changed since: the training data"

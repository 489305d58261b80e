"""TFLite's own LSTM in whole numbers, which the converter writes wrong scales for."""

import dataclasses

import keras
import numpy as np
import pytest
from ai_edge_litert.tools import flatbuffer_utils

import tfcompress as tfc
from tfcompress.export import find_target
from tfcompress.measurement.files.operation_name import operation_name

INTEGERS_ONLY = dataclasses.replace(find_target("cpu_int8"), float_operations=False)
HIDDEN, CELL, COMPUTED = 18, 19, 4


def stacked():
    """Its second layer has cells that stay within a half."""
    layers = keras.layers
    return [layers.LSTM(8, return_sequences=True), layers.LSTM(6), layers.Dense(2)]


def both_ways():
    return [keras.layers.Bidirectional(keras.layers.LSTM(8)), keras.layers.Dense(2)]


@pytest.mark.parametrize(
    ("build", "seed"),
    [
        (stacked, 1),
        pytest.param(both_ways, 0, marks=pytest.mark.slow),
        pytest.param(both_ways, 1, marks=pytest.mark.slow),
        pytest.param(both_ways, 2, marks=pytest.mark.slow),
    ],
)
def test_scales_agree(build, seed, tmp_path):
    keras.utils.set_random_seed(seed)
    model = keras.Sequential([keras.Input((100, 3)), *build()])
    x = np.random.default_rng(0).normal(size=(16, 100, 3)).astype(np.float32)
    artifact = tfc.export.to_tflite(
        model, tmp_path / "m.tflite", target=INTEGERS_ONLY, representative_data=x
    )
    assert artifact.float_operations == ()
    wanted = np.asarray(model(x))
    error = wanted - artifact.predict(x)
    # With what the converter writes -3, 7, 6 and 4 dB or so.
    assert 10 * np.log10(np.square(wanted).mean() / np.square(error).mean()) > 25
    file = flatbuffer_utils.read_model(str(artifact.path))
    (graph,) = file.subgraphs
    fused = [
        operator
        for operator in graph.operators
        if operation_name(file, operator) == "UNIDIRECTIONAL_SEQUENCE_LSTM"
    ]
    assert len(fused) == 2
    for operator in fused:
        (cell,) = graph.tensors[operator.inputs[CELL]].quantization.scale
        assert cell >= 2**-15
        assert np.log2(cell) == int(np.log2(cell))
        hidden = [
            graph.tensors[index].quantization
            for index in (
                operator.inputs[HIDDEN],
                operator.intermediates[COMPUTED],
                operator.outputs[0],
            )
        ]
        assert len({(each.scale[0], each.zeroPoint[0]) for each in hidden}) == 1

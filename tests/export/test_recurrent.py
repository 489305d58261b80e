import dataclasses
import itertools
import math
import warnings

import keras
import numpy as np
import pytest
from ai_edge_litert.tools import flatbuffer_utils

import tests.export.recurrent_networks as networks
import tfcompress as tfc
from tests.models import tf_keras_is_slow
from tfcompress import keras_compat
from tfcompress.errors import ExportError
from tfcompress.export import find_target
from tfcompress.export.conversion import child_process
from tfcompress.export.conversion.child_process import run_converter_in_child
from tfcompress.export.conversion.named_conversion import convert_named
from tfcompress.export.conversion.recurrent import MOST_STEPS, count_steps, unroll
from tfcompress.export.conversion.signature import read_signature
from tfcompress.export.layer_operations import list_layer_operations

INTEGERS_ONLY = dataclasses.replace(find_target("cpu_int8"), float_operations=False)
FAST = [("keras", "GRU"), ("tf_keras", "ConvLSTM2D")]
CASES = [
    pytest.param(module, kind, marks=[] if (module, kind) in FAST else pytest.mark.slow)
    for module in ("keras", "tf_keras")
    for kind in networks.RECURRENT
]
FAST_STATEFUL = [("keras", "GRU", "cpu_float32"), ("tf_keras", "LSTM", "cpu_int8")]
STATEFUL = [
    pytest.param(*case, marks=[] if case in FAST_STATEFUL else pytest.mark.slow)
    for case in itertools.product(
        ("keras", "tf_keras"),
        ("LSTM", "GRU", "SimpleRNN"),
        ("cpu_float32", "cpu_float16", "cpu_int8"),
    )
]


def module_named(name):
    return {"keras": keras_compat.keras, "tf_keras": keras_compat.tf_keras}[name]()


def decibels(wanted, found):
    return 10 * np.log10(np.square(wanted).mean() / np.square(wanted - found).mean())


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_recurrent_layers_run_in_float_and_in_whole_numbers(name, kind, tmp_path):
    module = module_named(name)
    module.utils.set_random_seed(0)
    model = networks.build_recurrent(module, kind)
    x = networks.make_samples(model, 24)
    wanted = np.asarray(model(x))
    most = np.abs(wanted).max()
    for target, error in {"cpu_float32": 1e-4, "cpu_float16": 1e-2}.items():
        artifact = tfc.export.to_tflite(
            model, tmp_path / f"{target}.tflite", target=target, representative_data=x
        )
        assert np.abs(artifact.predict(x) - wanted).max() < error * most
        assert not any("Flex" in operation for operation in artifact.operations)
    artifact = tfc.export.to_tflite(
        model, tmp_path / "int8.tflite", representative_data=x
    )
    assert "WHILE" not in " ".join(artifact.operations)
    # The mask itself may be computed in float; it has no steps.
    assert {op.kind for op in artifact.float_operations} <= {"CAST"}
    assert decibels(wanted, artifact.predict(x)) > 16


def make_waves(count, steps, seed):
    """Waves of four lengths in noise, which are the classes."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 4, count)
    phases = generator.uniform(0, 2 * np.pi, (count, 1))
    angles = 2 * np.pi * np.array([1, 2, 3, 4])[labels][:, None] * np.arange(steps) / 16
    waves = np.stack([np.sin(angles + phases), np.cos(angles + phases)], -1)
    noise = generator.normal(0, 0.2, waves.shape)
    return (waves + noise).astype(np.float32), labels


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("keras", "GRU"),
        pytest.param("tf_keras", "LSTM", marks=pytest.mark.slow),
        pytest.param("keras", "LSTM", marks=pytest.mark.slow),
        pytest.param("tf_keras", "SimpleRNN", marks=pytest.mark.slow),
    ],
)
def test_trained_networks_choose_the_same_class_in_whole_numbers(name, kind, tmp_path):
    module = module_named(name)
    module.utils.set_random_seed(0)
    layers = module.layers
    model = module.Sequential(
        [layers.Input((12, 2)), getattr(layers, kind)(16), layers.Dense(4)]
    )
    model.compile(
        module.optimizers.Adam(1e-2),
        module.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    model.fit(*make_waves(1000, 12, 0), epochs=4, batch_size=32, verbose=0)
    artifact = tfc.export.to_tflite(
        model, tmp_path / "m.tflite", representative_data=make_waves(200, 12, 1)
    )
    x, labels = make_waves(400, 12, 2)
    wanted = model.predict(x, verbose=0).argmax(-1)
    assert (wanted == labels).mean() > 0.9
    assert (artifact.predict(x).argmax(-1) == wanted).mean() >= 0.99
    assert artifact.float_operations == ()


def build_stateful(module, layer):
    module.utils.set_random_seed(0)
    inputs = module.layers.Input(batch_shape=(1, 4, 3), name="part")
    x = getattr(module.layers, layer)(5, stateful=True)(inputs)
    return module.Model(inputs, module.layers.Dense(2)(x))


def forget(model):
    for layer in model.layers:
        if getattr(layer, "stateful", False):
            for state in layer.states:
                state.assign(np.zeros(state.shape, np.float32))


@pytest.mark.parametrize(("name", "layer", "target"), STATEFUL)
def test_a_stateful_file_goes_on_where_it_stopped(name, layer, target, tmp_path):
    model = build_stateful(module_named(name), layer)
    parts = np.random.default_rng(0).normal(size=(8, 4, 3)).astype(np.float32)
    model(parts[:1])  # what it remembers of this is not part of the file
    (stateful,) = [each for each in model.layers if getattr(each, "stateful", False)]
    before = [np.asarray(state) for state in stateful.states]
    artifact = tfc.export.to_tflite(
        model, tmp_path / "m.tflite", target=target, representative_data=parts
    )
    for old, new in zip(before, stateful.states, strict=True):
        np.testing.assert_array_equal(old, np.asarray(new))
    forget(model)
    wanted = np.concatenate([np.asarray(model(part[None])) for part in parts])
    file = tfc.measurement.LiteRTModel(artifact)
    found = np.concatenate([file.predict(part[None]) for part in parts])
    if target == "cpu_int8":
        assert decibels(wanted, found) > 20
        assert artifact.float_operations == ()
    else:
        error = {"cpu_float32": 1e-5, "cpu_float16": 1e-2}[target]
        np.testing.assert_allclose(found, wanted, atol=error * np.abs(wanted).max())
    forget(model)
    alone = np.asarray(model(parts[5:6]))
    assert np.abs(alone - wanted[5:6]).max() > 1e-2  # the state matters


# Many steps.


@pytest.fixture(scope="module")
def long():
    keras.utils.set_random_seed(0)
    model = networks.build_recurrent(keras, "SimpleRNN", steps=MOST_STEPS + 1)
    return model, networks.make_samples(model, 24)


def test_more_steps_stay_a_loop_in_float_around_int8_weights(long, tmp_path):
    model, x = long
    with pytest.warns(UserWarning, match="in float"):
        artifact = tfc.export.to_tflite(
            model, tmp_path / "m.tflite", representative_data=x
        )
    assert decibels(np.asarray(model(x)), artifact.predict(x)) > 20
    assert "WHILE" in " ".join(artifact.operations)
    in_loop = {"TANH", "FULLY_CONNECTED"}
    assert in_loop <= {operation.kind for operation in artifact.float_operations}
    kernels = [
        operation.weights
        for operation in list_layer_operations(artifact.path.read_bytes())
        if operation.kind == "FULLY_CONNECTED"
    ]
    assert kernels == ["int8"] * 3
    file = tfc.measurement.LiteRTModel(artifact)
    details = [*file.input_details.values(), *file.output_details.values()]
    assert [each.dtype for each in details] == [np.int8, np.int8]


@pytest.mark.slow
@pytest.mark.parametrize("demanded", [{"strict": True}, {"target": INTEGERS_ONLY}])
def test_a_file_without_float_gets_fused_lstm_layers(demanded, tmp_path):
    keras.utils.set_random_seed(0)
    model = networks.build_recurrent(keras, "LSTM", steps=MOST_STEPS + 1)
    x = networks.make_samples(model, 24)
    artifact = tfc.export.to_tflite(
        model, tmp_path / "m.tflite", representative_data=x, **demanded
    )
    assert artifact.operations["UNIDIRECTIONAL_SEQUENCE_LSTM int8"] == 1
    assert artifact.float_operations == ()
    assert decibels(np.asarray(model(x)), artifact.predict(x)) > 8


@pytest.mark.slow
def test_a_crash_of_the_converter_is_an_error(long, tmp_path):
    model, x = long
    with pytest.raises(ExportError, match=r"converter crashed.*use LSTM layers"):
        tfc.export.to_tflite(
            model, tmp_path / "m.tflite", target=INTEGERS_ONLY, representative_data=x
        )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_sequences_of_unknown_length_stay_loops(tmp_path):
    keras.utils.set_random_seed(0)
    model = networks.build_recurrent(keras, "GRU", steps=None)
    x = np.random.default_rng(0).normal(size=(24, 7, 4)).astype(np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        artifact = tfc.export.to_tflite(
            model, tmp_path / "m.tflite", representative_data=x
        )
    assert decibels(np.asarray(model(x)), artifact.predict(x)) > 20


@tf_keras_is_slow
def test_loops_of_both_directions_have_weights_of_their_own(either_keras):
    model = networks.build_recurrent(either_keras, "Bidirectional LSTM", steps=None)
    content = convert_named(model, read_signature(model, batch=1))
    file = flatbuffer_utils.read_model_from_bytearray(bytearray(content))
    names = [tensor.name for graph in file.subgraphs for tensor in graph.tensors]
    assert len(set(names)) == len(names)


# Steps.


@pytest.mark.parametrize(
    ("kind", "steps"),
    [
        ("LSTM", 5),
        ("Bidirectional GRU", 10),
        ("stacked", 10),
        ("cells", 5),
        ("video", 5),
        ("nested", 5),
        ("state handed on", 10),
    ],
)
def test_steps_are_counted(either_keras, kind, steps):
    model = networks.build_recurrent(either_keras, kind)
    assert count_steps(keras_compat.read_flat(model)) == steps


def test_steps_within_steps_are_multiplied(either_keras):
    layers = either_keras.layers
    inputs = layers.Input((3, 5, 2))
    inner = layers.Bidirectional(layers.GRU(2))
    model = either_keras.Model(inputs, layers.TimeDistributed(inner)(inputs))
    assert count_steps(keras_compat.read_flat(model)) == 3 * 2 * 5


def test_unknown_lengths_are_infinite(either_keras):
    model = networks.build_recurrent(either_keras, "GRU", steps=None)
    assert count_steps(keras_compat.read_flat(model)) == math.inf
    assert unroll(model) is None


def test_unrolling_keeps_the_model_and_what_it_computes(either_keras):
    either_keras.utils.set_random_seed(0)
    model = networks.build_recurrent(either_keras, "Bidirectional LSTM")
    x = networks.make_samples(model, 4)
    unrolled = unroll(model)
    np.testing.assert_allclose(np.asarray(unrolled(x)), np.asarray(model(x)), atol=1e-6)
    assert keras_compat.origin_of(unrolled) == keras_compat.origin_of(model)
    both = [unrolled.layers[1].forward_layer, unrolled.layers[1].backward_layer]
    assert all(layer.unroll for layer in both)
    assert not model.layers[1].forward_layer.unroll
    assert unroll(model, most=9) is None


def test_models_without_recurrent_layers_are_not_unrolled():
    assert unroll(keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])) is None


# The child process.


def test_a_converter_that_does_not_end_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(child_process, "SECONDS", 0.05)
    with pytest.raises(ExportError, match=r"did not finish.*3 samples"):
        run_converter_in_child(
            tmp_path, INTEGERS_ONLY, {"x": np.zeros((3, 2), np.float32)}, 1
        )


@pytest.mark.slow
def test_an_error_in_the_child_is_an_error_here(tmp_path):
    with pytest.raises(ExportError, match=r"failed in a child process.*SavedModel"):
        run_converter_in_child(
            tmp_path, INTEGERS_ONLY, {"x": np.zeros((3, 2), np.float32)}, 1
        )

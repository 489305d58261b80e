import errno
import os
import tempfile

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfcompress as tfc
from tests.models import build_classifier, tf_keras_is_slow
from tfcompress.errors import (
    ArgumentError,
    DataError,
    ExportError,
    ModelError,
    OutputError,
)
from tfcompress.export import find_target, model_file
from tfcompress.export.conversion.direct_conversion import convert_directly
from tfcompress.export.conversion.signature import read_signature


@pytest.fixture
def random_model(either_keras):
    either_keras.utils.set_random_seed(3)
    return build_classifier(either_keras, name="random")


def test_float_file_equals_the_model(trained, digits, tmp_path):
    x = digits[1][0]
    artifact = tfc.export.to_tflite(
        trained, tmp_path / "model.tflite", target="cpu_float32"
    )
    np.testing.assert_allclose(artifact.predict(x), np.asarray(trained(x)), atol=1e-4)
    assert artifact.bytes == os.path.getsize(artifact)
    assert artifact.verification.relative_error < 1e-5
    assert {op.dtype for op in artifact.float_operations} == {"float32"}


def test_file_is_compared_with_the_model_without_augmentation(either_keras, tmp_path):
    layers = either_keras.layers
    augmentation = [layers.RandomFlip(), layers.RandomTranslation(0.2, 0.2)]
    model = either_keras.Sequential(
        [
            either_keras.Input((8, 8, 1)),
            either_keras.Sequential(augmentation),
            layers.Flatten(),
            layers.Dense(3),
        ]
    )
    artifact = tfc.export.to_tflite(
        model, tmp_path / "model.tflite", target="cpu_float32"
    )
    assert artifact.verification.relative_error < 1e-5


def test_float16_file_has_half_the_bytes(teacher, digits, tmp_path):
    sizes = {}
    for target in ("cpu_float32", "cpu_float16"):
        artifact = tfc.export.to_tflite(
            teacher, tmp_path / f"{target}.tflite", target=target
        )
        sizes[target] = artifact.bytes
    assert sizes["cpu_float16"] < 0.65 * sizes["cpu_float32"]
    x = digits[1][0]
    np.testing.assert_allclose(
        artifact.predict(x), np.asarray(teacher(x)), rtol=0.05, atol=0.1
    )


@pytest.fixture(scope="module")
def integer_file(trained, digits, tmp_path_factory):
    """A full-integer file, and the weights of the model before it was written."""
    before = [weight.copy() for weight in trained.get_weights()]
    path = tmp_path_factory.mktemp("integer") / "model.tflite"
    artifact = tfc.export.to_tflite(
        trained, path, representative_data=digits[0], strict=True
    )
    return artifact, before


def test_full_integer_file_after_training(integer_file, trained, digits):
    x, y = digits[1]
    artifact, _ = integer_file
    file = tfc.measurement.LiteRTModel(artifact)
    assert file.input_details["image"].dtype == np.int8
    assert file.output_details["logits"].dtype == np.int8
    assert artifact.float_operations == ()
    assert all(kind.endswith("int8") for kind in artifact.operations)
    accuracy = (artifact.predict(x).argmax(-1) == y).mean()
    assert accuracy >= (np.asarray(trained(x)).argmax(-1) == y).mean() - 0.02


def test_model_is_not_changed(integer_file, trained):
    for old, new in zip(integer_file[1], trained.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_artifact_goes_wherever_a_path_goes(integer_file):
    with open(integer_file[0], "rb") as file:
        assert file.read()[4:8] == b"TFL3"


def test_full_integer_file_with_float_in_and_out(trained, digits, tmp_path):
    artifact = tfc.export.to_tflite(
        trained,
        tmp_path / "model.tflite",
        target="cpu_int8_float_io",
        representative_data=digits[0],
    )
    file = tfc.measurement.LiteRTModel(artifact)
    assert file.input_details["image"].dtype == np.float32
    assert artifact.float_operations == ()
    assert artifact.operations["CONV_2D int8"] == 2


def test_inputs_and_outputs_keep_their_names(either_keras, tmp_path):
    layers = either_keras.layers
    left, right = layers.Input((3,), name="left"), layers.Input((3,), name="right")
    both = layers.Concatenate()([left, right])
    outputs = {"z": layers.Dense(2)(both), "a": layers.Dense(4)(left)}
    model = either_keras.Model({"left": left, "right": right}, outputs)
    artifact = tfc.export.to_tflite(
        model, tmp_path / "model.tflite", target="cpu_float32"
    )
    rng = np.random.default_rng(0)
    x = {name: rng.normal(size=(5, 3)).astype(np.float32) for name in ("left", "right")}
    expected = model({name: tf.constant(value) for name, value in x.items()})
    predicted = artifact.predict(x)
    assert sorted(predicted) == ["a", "z"]
    for name in ("a", "z"):
        np.testing.assert_allclose(
            predicted[name], np.asarray(expected[name]), atol=1e-5
        )


def test_lists_of_inputs_and_outputs(either_keras, tmp_path):
    layers = either_keras.layers
    first, second = layers.Input((3,), name="b"), layers.Input((3,), name="a")
    difference = layers.Subtract(name="difference")([first, second])
    doubled = layers.Add(name="sum")([first, second])
    model = either_keras.Model([first, second], [doubled, difference])
    rng = np.random.default_rng(0)
    x = [rng.normal(size=(5, 3)).astype(np.float32) for _ in range(2)]
    artifact = tfc.export.to_tflite(
        model, tmp_path / "model.tflite", target="cpu_float32", representative_data=x
    )
    predicted = artifact.predict({"b": x[0], "a": x[1]})
    np.testing.assert_allclose(predicted["difference"], x[0] - x[1], atol=1e-6)
    np.testing.assert_allclose(predicted["sum"], x[0] + x[1], atol=1e-6)


def test_any_batch_size(random_model, digits, tmp_path):
    artifact = tfc.export.to_tflite(
        random_model, tmp_path / "model.tflite", target="cpu_float32", batch=None
    )
    x = digits[1][0][:50]
    np.testing.assert_allclose(
        artifact.predict(x), np.asarray(random_model(x)), atol=1e-4
    )


def test_nothing_is_printed_and_nothing_is_left_behind(
    random_model, tmp_path, capfd, monkeypatch
):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    tfc.export.to_tflite(random_model, tmp_path / "model.tflite", target="cpu_float32")
    assert capfd.readouterr().out == ""
    left = [name for name in os.listdir(scratch) if "autograph" not in name]
    assert left == []
    assert sorted(os.listdir(tmp_path)) == [
        "model.tflite",
        "model.tflite.json",
        "scratch",
    ]


# Bad input.


def test_unknown_target(random_model, tmp_path):
    with pytest.raises(ArgumentError, match=r"'cpu_int8'.*Received: target='phone'"):
        tfc.export.to_tflite(random_model, tmp_path / "m.tflite", target="phone")


def test_other_suffix(random_model, tmp_path):
    with pytest.raises(ArgumentError, match="must end in .tflite"):
        tfc.export.to_tflite(random_model, tmp_path / "m.bin", target="cpu_float32")


def test_full_integer_without_ranges(random_model, tmp_path):
    with pytest.raises(ArgumentError, match="representative_data=None"):
        tfc.export.to_tflite(random_model, tmp_path / "m.tflite")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (np.zeros((0, 8, 8, 1)), "empty"),
        (np.full((2, 8, 8, 1), np.nan), "finite"),
        (np.zeros((2, 9, 9, 1)), r"shape \(samples, 8, 8, 1\)"),
        ([np.zeros((2, 8, 8, 1))] * 2, "Received: 2 arrays"),
    ],
    ids=["empty", "not finite", "shape", "number of inputs"],
)
def test_representative_data_that_does_not_fit(random_model, tmp_path, data, message):
    path = tmp_path / "m.tflite"
    with pytest.raises(DataError, match=message):
        tfc.export.to_tflite(random_model, path, representative_data=data)
    assert not path.exists()


def test_subclassed_and_unbuilt_models(either_keras, tmp_path):
    class Subclassed(either_keras.Model):
        def call(self, x):
            return x

    with pytest.raises(ModelError, match="functional"):
        tfc.export.to_tflite(Subclassed(), tmp_path / "m.tflite", target="cpu_float32")
    unbuilt = either_keras.Sequential([either_keras.layers.Dense(1)])
    with pytest.raises(ModelError, match="build"):
        tfc.export.to_tflite(unbuilt, tmp_path / "m.tflite", target="cpu_float32")


def test_weights_that_are_not_finite(random_model, tmp_path):
    weights = random_model.get_weights()
    weights[-1][0] = np.inf
    random_model.set_weights(weights)
    with pytest.raises(ModelError, match="logits.*NaN or infinite"):
        tfc.export.to_tflite(random_model, tmp_path / "m.tflite", target="cpu_float32")


def test_operation_without_a_builtin_counterpart(tmp_path):
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.ops.erfinv(inputs))
    with pytest.raises(ExportError, match="no counterpart among TFLite's built-in"):
        tfc.export.to_tflite(model, tmp_path / "m.tflite", target="cpu_float32")
    assert os.listdir(tmp_path) == []


def test_missing_folder(random_model, tmp_path):
    with pytest.raises(OutputError, match="folder of the file must exist"):
        tfc.export.to_tflite(
            random_model, tmp_path / "nowhere" / "m.tflite", target="cpu_float32"
        )


def test_a_file_that_was_there_stays_when_export_fails(random_model, tmp_path):
    path = tmp_path / "m.tflite"
    path.write_bytes(b"precious")
    with pytest.raises(DataError):
        tfc.export.to_tflite(
            random_model, path, representative_data=np.full((2, 8, 8, 1), np.nan)
        )
    assert path.read_bytes() == b"precious"


def test_mixed_precision_is_exported_in_float32(either_keras, tmp_path):
    layers = either_keras.layers
    inputs = layers.Input((6,))
    x = layers.Dense(8, activation="relu", dtype="mixed_float16")(inputs)
    model = either_keras.Model(inputs, layers.Dense(3, dtype="mixed_float16")(x))
    x = np.random.default_rng(0).normal(size=(32, 6)).astype(np.float32)
    artifact = tfc.export.to_tflite(
        model, tmp_path / "m.tflite", target="cpu_float32", representative_data=x
    )
    np.testing.assert_allclose(artifact.predict(x), np.asarray(model(x)), atol=0.02)


def test_uncalibrated_and_unfinished_models(random_model, tmp_path):
    aware = tfc.quantization.QuantizationAwareTraining().apply(random_model)
    with pytest.raises(ModelError, match="calibrate"):
        tfc.export.to_tflite(aware, tmp_path / "m.tflite")
    pruned = tfc.pruning.MagnitudePruning(0.5).apply(random_model)
    with pytest.raises(ModelError, match="still being pruned"):
        tfc.export.to_tflite(pruned, tmp_path / "m.tflite", target="cpu_float32")


def test_float_operations_in_a_full_integer_file_are_said(tmp_path):
    inputs = keras.Input((6,))
    x = keras.layers.LayerNormalization()(keras.layers.Dense(8)(inputs))
    model = keras.Model(inputs, keras.layers.Dense(3)(x))
    x = np.random.default_rng(0).normal(size=(32, 6)).astype(np.float32)
    aware = tfc.quantization.QuantizationAwareTraining().apply(model)
    tfc.quantization.calibrate(aware, x)
    with pytest.warns(UserWarning, match="computes .* in float"):
        artifact = tfc.export.to_tflite(aware, tmp_path / "m.tflite")
    assert artifact.float_operations


@pytest.mark.parametrize("batch", [0, -1, 1.5])
def test_batch_out_of_range(random_model, tmp_path, batch):
    with pytest.raises(ArgumentError, match=f"Received: batch={batch}"):
        tfc.export.to_tflite(
            random_model, tmp_path / "m.tflite", target="cpu_float32", batch=batch
        )


def test_temporary_folder_that_cannot_be_used(random_model, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    with pytest.raises(OutputError, match="TMPDIR"):
        tfc.export.to_tflite(random_model, tmp_path / "m.tflite", target="cpu_float32")


def test_strict_refuses_float_operations(tmp_path):
    layers = keras.layers
    inputs = keras.Input((4, 6, 6, 1))
    x = layers.Conv3D(2, 3, name="volume")(inputs)
    model = keras.Model(inputs, layers.Dense(2)(layers.Flatten()(x)))
    x = np.random.default_rng(0).random((8, 4, 6, 6, 1), np.float32)
    path = tmp_path / "volume.tflite"
    with pytest.raises(ExportError, match=r"strict=True.*CONV_3D at '.*volume"):
        tfc.export.to_tflite(model, path, representative_data=x, strict=True)
    assert not path.exists()
    with pytest.warns(UserWarning, match="CONV_3D"):
        tfc.export.to_tflite(model, path, representative_data=x)


@tf_keras_is_slow
def test_input_sizes_that_stay_open(either_keras, tmp_path):
    layers = either_keras.layers
    inputs = layers.Input((None, None, 3), name="image")
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(inputs))
    model = either_keras.Model(inputs, layers.Dense(2)(x))
    rng = np.random.default_rng(0)
    x = rng.random((12, 9, 7, 3), np.float32)
    for arguments in (
        {"target": "cpu_float32", "batch": None},
        {"target": "cpu_int8", "representative_data": x},
    ):
        path = tmp_path / "open.tflite"
        with pytest.warns(UserWarning, match=r"leaves sizes open.*any, any, 3\)"):
            artifact = tfc.export.to_tflite(model, path, **arguments)
        batch = () if arguments.get("batch", 1) else (0,)
        assert artifact.open_axes == {"image": (*batch, 1, 2)}
        tolerance = 1e-5 if arguments["target"] == "cpu_float32" else 0.1
        for other in (x, rng.random((3, 20, 5, 3), np.float32)):
            np.testing.assert_allclose(
                artifact.predict(other), np.asarray(model(other)), atol=tolerance
            )


def test_open_sizes_with_a_least_length(tmp_path):
    """A model that takes no fewer than 60 steps is shown as many, without data."""
    inputs = keras.Input((None, 2), name="steps")
    x = keras.layers.Conv1D(3, 60)(inputs)
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling1D()(x))
    artifact = tfc.export.to_tflite(
        model, tmp_path / "long.tflite", target="cpu_float32"
    )
    x = np.random.default_rng(0).random((2, 70, 2), np.float32)
    np.testing.assert_allclose(artifact.predict(x), np.asarray(model(x)), atol=1e-5)


class Inverse(keras.layers.Layer):
    """What TensorFlow has an operation for, and TFLite has none."""

    def call(self, x):
        return tf.linalg.inv(x)


@pytest.fixture(scope="module")
def inverting():
    inputs = keras.Input((3, 3), name="matrix")
    return keras.Model(inputs, Inverse(name="inverse")(inputs))


def test_flex_is_refused_with_operation_and_layer(inverting, tmp_path):
    expected = r"flex=True.*Received: MatrixInverse at 'inverse'"
    with pytest.raises(ExportError, match=expected):
        tfc.export.to_tflite(inverting, tmp_path / "m.tflite", target="cpu_float32")
    assert os.listdir(tmp_path) == []


def test_flex_is_written_where_asked(inverting, tmp_path):
    path = tmp_path / "m.tflite"
    with pytest.warns(UserWarning, match=r"FlexMatrixInverse.*Flex delegate"):
        artifact = tfc.export.to_tflite(
            inverting, path, target="cpu_float32", flex=True
        )
    assert artifact.operations["FlexMatrixInverse float32"] == 1
    assert artifact.verification is None
    assert artifact.accelerated_share is None
    assert tfc.export.Artifact.read(path) == artifact
    with pytest.raises(ModelError, match="Flex"):
        artifact.predict(np.eye(3)[None])


def small_model():
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])


def test_flex_changes_nothing_where_it_is_not_needed(tmp_path):
    artifact = tfc.export.to_tflite(
        small_model(), tmp_path / "m.tflite", target="cpu_float32", flex=True
    )
    assert artifact.operations == {"FULLY_CONNECTED float32": 1}
    assert artifact.verification is not None


def test_verification_can_be_left_out(tmp_path, monkeypatch):
    def refuse(*arguments, **keywords):
        raise AssertionError("the file was run")

    monkeypatch.setattr("tfcompress.export.tflite.verify", refuse)
    path = tmp_path / "m.tflite"
    with pytest.warns(UserWarning, match="not compared with the model"):
        artifact = tfc.export.to_tflite(
            small_model(), path, target="cpu_float32", verification=False
        )
    assert artifact.verification is None


def test_clustered_models_are_stripped_first(tmp_path):
    module = tfc.keras_compat.tf_keras()
    clustering = tfc.keras_compat.tfmot().clustering.keras
    model = module.Sequential([module.Input((4,)), module.layers.Dense(8)])
    wrapped = clustering.cluster_weights(
        model,
        number_of_clusters=4,
        cluster_centroids_init=clustering.CentroidInitialization.LINEAR,
    )
    path = tmp_path / "m.tflite"
    with pytest.raises(ModelError, match="strip_clustering"):
        tfc.export.to_tflite(wrapped, path, target="cpu_float32")
    plain = clustering.strip_clustering(wrapped)
    artifact = tfc.export.to_tflite(plain, path, target="cpu_float32")
    assert artifact.operations == {"FULLY_CONNECTED float32": 1}


def with_zeros(share):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(40)])
    kernel, bias = model.get_weights()
    kernel[np.random.default_rng(0).random(kernel.shape) < share] = 0.0
    model.set_weights([kernel, bias])
    return model


def test_target_decides_on_sparse_encoding(tmp_path):
    model = with_zeros(0.9)
    artifacts = {
        target: tfc.export.to_tflite(
            model, tmp_path / f"{target}.tflite", target=target
        )
        for target in ("cpu_float32", "cpu_sparse")
    }
    assert artifacts["cpu_sparse"].bytes < 0.5 * artifacts["cpu_float32"].bytes
    dense = tfc.export.to_tflite(
        model, tmp_path / "dense.tflite", target="cpu_sparse", sparse=False
    )
    assert dense.bytes == artifacts["cpu_float32"].bytes


def test_sparse_encoding_that_is_larger_is_not_used(tmp_path):
    model = with_zeros(0.35)
    plain = tfc.export.to_tflite(model, tmp_path / "a.tflite", target="cpu_float16")
    with pytest.warns(UserWarning, match=r"Sparse encoding would take.*without"):
        sparse = tfc.export.to_tflite(
            model, tmp_path / "b.tflite", target="cpu_float16", sparse=True
        )
    assert sparse.bytes == plain.bytes


def test_a_file_larger_than_the_float_file_says_so(tmp_path):
    model = small_model()
    x = np.random.default_rng(0).random((20, 2), np.float32)
    plain = tfc.export.to_tflite(model, tmp_path / "f.tflite", target="cpu_float32")
    with pytest.warns(UserWarning, match=f"more than the {plain.bytes:,} of its"):
        artifact = tfc.export.to_tflite(
            model, tmp_path / "i.tflite", representative_data=x
        )
    assert artifact.bytes > plain.bytes


def test_a_note_that_cannot_be_made_costs_no_file(tmp_path, monkeypatch):
    whole = model_file.convert

    def convert(model, signature, target, **options):
        if target.name == "cpu_float32":
            raise ExportError("the converter failed")
        return whole(model, signature, target, **options)

    monkeypatch.setattr(model_file, "convert", convert)
    x = np.random.default_rng(0).random((20, 2), np.float32)
    path = tmp_path / "i.tflite"
    artifact = tfc.export.to_tflite(small_model(), path, representative_data=x)
    assert artifact.path.exists()
    assert artifact.notes == ()


@pytest.mark.parametrize("strict", [True, False])
def test_a_strict_file_is_converted_without_float(strict, tmp_path, monkeypatch):
    targets, whole = [], model_file.convert

    def convert(model, signature, target, **options):
        targets.append(target)
        return whole(model, signature, target, **options)

    monkeypatch.setattr(model_file, "convert", convert)
    x = np.random.default_rng(0).random((20, 2), np.float32)
    artifact = tfc.export.to_tflite(
        small_model(), tmp_path / "m.tflite", representative_data=x, strict=strict
    )
    assert targets[0].float_operations is not strict
    assert artifact.target == find_target("cpu_int8")


def test_no_space_for_temporary_files(tmp_path, monkeypatch):
    def full(*arguments, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    x = np.random.default_rng(0).random((20, 2), np.float32)
    monkeypatch.setattr(tempfile, "mkdtemp", full)
    with pytest.raises(OutputError, match=r"No space left.*TMPDIR"):
        tfc.export.to_tflite(
            small_model(), tmp_path / "m.tflite", representative_data=x
        )
    assert os.listdir(tmp_path) == []


def test_no_space_for_the_samples_of_a_child_process(tmp_path, monkeypatch):
    def full(*arguments, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    inputs = keras.Input((5, 2), name="x")
    model = keras.Model(inputs, keras.layers.GRU(3)(inputs))
    signature = read_signature(model, 1)
    x = np.zeros((4, 5, 2), np.float32)
    with pytest.raises(OutputError, match=r"No space left.*TMPDIR"):
        convert_directly(model, signature, find_target("cpu_int8"), samples={"x": x})


def test_only_files_for_microcontrollers_are_written_for_their_arena(monkeypatch):
    def fail():
        raise AssertionError("a folder was made")

    monkeypatch.setattr(model_file, "temporary_folder", fail)
    assert model_file._find_arena(b"", find_target("cpu_int8"), {}) == (None, ())


def test_weights_beyond_what_a_file_holds(random_model, tmp_path, monkeypatch):
    def convert(*arguments, **keywords):
        raise AssertionError("the model was converted")

    count = sum(int(np.prod(weight.shape)) for weight in random_model.weights)
    monkeypatch.setattr(
        "tfcompress.export.conversion.source.LARGEST_BYTES", 4 * count - 1
    )
    monkeypatch.setattr("tfcompress.export.model_file.convert", convert)
    with pytest.raises(ExportError, match=f"with {4 * count:,} bytes of weights"):
        tfc.export.to_tflite(random_model, tmp_path / "m.tflite", target="cpu_float32")

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfcompress as tfc
from tests.models import build_classifier
from tfcompress.distillation import FunctionTeacher, LogitsDistillation
from tfcompress.distillation.losses.feature_distillation import FeatureDistillation
from tfcompress.distillation.teachers.as_teacher import as_teacher, teacher_from_config
from tfcompress.distillation.teachers.cache_teacher import cache_teacher
from tfcompress.distillation.teachers.cached_teacher import CachedTeacher
from tfcompress.errors import ArgumentError, DataError, ModelError, OutputError

BATCH = 32


@pytest.fixture(scope="module")
def data(digits):
    (x, y), (x_new, y_new) = digits
    return (x[:128], y[:128]), (x_new[:64], y_new[:64])


@pytest.fixture(scope="module")
def folder(teacher, data, tmp_path_factory):
    """A cache in float32, of logits and of two layers."""
    folder = tmp_path_factory.mktemp("cache")
    cache_teacher(
        teacher,
        data[0],
        folder,
        dtype="float32",
        layers=["pool", "relu1"],
        batch_size=BATCH,
        shard_samples=50,
    )
    return folder


def trained_weights(module, teacher, data, losses, *, validation_data=None, **kwargs):
    """The weights of a student after two epochs of shuffled data, and its logs."""
    module.utils.set_random_seed(3)
    student = build_classifier(module, width=4, name="student")
    distiller = tfc.Distiller(teacher, student, losses)
    distiller.compile(
        module.optimizers.Adam(1e-2),
        loss=module.losses.SparseCategoricalCrossentropy(from_logits=True),
        **kwargs,
    )
    module.utils.set_random_seed(4)
    history = distiller.fit(
        *data,
        batch_size=BATCH,
        epochs=2,
        shuffle=True,
        verbose=0,
        validation_data=validation_data,
    )
    return student.get_weights(), history.history


def losses(features=False):
    if not features:
        return LogitsDistillation(temperature=4)
    return [
        LogitsDistillation(temperature=4),
        FeatureDistillation("mse", "pool", "pool"),
    ]


@pytest.mark.slow
@pytest.mark.parametrize("features", [False, True], ids=["logits", "features"])
def test_float32_trains_as_the_live_teacher_does_exactly(
    features, either_keras, teacher, folder, data
):
    live, logs = trained_weights(either_keras, teacher, data[0], losses(features))
    cached, cached_logs = trained_weights(
        either_keras, CachedTeacher(folder), data[0], losses(features)
    )
    assert logs == cached_logs
    for one, other in zip(live, cached, strict=True):
        np.testing.assert_array_equal(one, other)


def test_float16_trains_as_the_live_teacher_does_within_rounding(
    either_keras, teacher, data, tmp_path
):
    half = cache_teacher(teacher, data[0], tmp_path / "half")
    live, logs = trained_weights(either_keras, teacher, data[0], losses())
    cached, cached_logs = trained_weights(either_keras, half, data[0], losses())
    np.testing.assert_allclose(cached_logs["loss"], logs["loss"], rtol=1e-3)
    for one, other in zip(live, cached, strict=True):
        np.testing.assert_allclose(other, one, rtol=0.02, atol=5e-3)


class Batches(keras.utils.PyDataset):
    def __init__(self, x, y):
        super().__init__()
        self.x, self.y = x, y

    def __len__(self):
        return len(self.x) // 16

    def __getitem__(self, index):
        rows = slice(16 * index, 16 * index + 16)
        return self.x[rows], self.y[rows]


def forms(x, y):
    """Training data in every form that `fit` takes, in another order each."""
    order = np.random.default_rng(0).permutation(len(x))
    slices = tf.data.Dataset.from_tensor_slices((x, y))
    return {
        "float64": ((x.astype(np.float64), y), {}),
        "data set": ((slices.shuffle(128).batch(24),), {}),
        "PyDataset": ((Batches(x[order], y[order]),), {}),
        "generator": (
            (((x[i : i + 8], y[i : i + 8]) for i in order[:4]),),
            {"steps_per_epoch": 4},
        ),
    }


@pytest.mark.parametrize("form", ["float64", "data set", "PyDataset", "generator"])
def test_data_of_every_form_is_found(form, either_keras, folder, data):
    arguments, kwargs = forms(*data[0])[form]
    student = build_classifier(either_keras, width=4)
    distiller = tfc.Distiller(CachedTeacher(folder), student, losses())
    distiller.compile(
        "sgd", either_keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    history = distiller.fit(*arguments, verbose=0, **kwargs).history
    assert np.isfinite(history["distillation_loss"]).all()


def test_whole_numbers_and_steps_of_several_batches(either_keras, data, tmp_path):
    x, y = (data[0][0] * 16).astype(np.uint8), data[0][1]
    model = build_classifier(either_keras, width=4)
    cached = cache_teacher(model, x, tmp_path, dtype="float32")
    kwargs = {"steps_per_execution": 2}
    _, logs = trained_weights(either_keras, cached, (x, y), losses(), **kwargs)
    _, live_logs = trained_weights(either_keras, model, (x, y), losses(), **kwargs)
    np.testing.assert_allclose(logs["loss"], live_logs["loss"], rtol=1e-5)


def test_a_saved_distiller_goes_on_with_its_cache(either_keras, folder, data, tmp_path):
    student = build_classifier(either_keras, width=4)
    distiller = tfc.Distiller(CachedTeacher(folder), student, losses())
    distiller.compile(
        "adam", either_keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    distiller.fit(*data[0], batch_size=BATCH, shuffle=False, verbose=0)
    distiller.save(tmp_path / "distiller.keras")
    loaded = either_keras.models.load_model(tmp_path / "distiller.keras")
    assert isinstance(loaded.teacher, CachedTeacher)
    logs = [
        one.fit(*data[0], batch_size=BATCH, shuffle=False, verbose=0).history["loss"]
        for one in (distiller, loaded)
    ]
    np.testing.assert_allclose(logs[1], logs[0], rtol=1e-5)


def test_the_cache_is_never_left_in_training(teacher, folder, data):
    x, y = data[0]
    changed = x.copy()
    changed[3] += 0.1
    cached = CachedTeacher(folder, teacher=teacher)
    with pytest.raises(DataError, match=r"augment with a seed.*1 of \d+ samples"):
        trained_weights(keras, cached, (changed, y), losses())
    with pytest.raises(DataError, match=r"augment with a seed.*1 of \d+ samples"):
        trained_weights(keras, cached, (changed, y), losses(), run_eagerly=True)


def test_validation_asks_the_live_teacher(either_keras, teacher, folder, data):
    train, new = data
    _, logs = trained_weights(
        either_keras, teacher, train, losses(True), validation_data=new
    )
    _, cached_logs = trained_weights(
        either_keras,
        CachedTeacher(folder, teacher=teacher),
        train,
        losses(True),
        validation_data=new,
    )
    assert "val_distillation_loss" in logs
    assert logs == cached_logs


def test_validation_without_a_live_teacher_is_refused(folder, data):
    train, new = data
    with pytest.raises(DataError, match="or give the live teacher"):
        trained_weights(
            keras, CachedTeacher(folder), train, losses(), validation_data=new
        )


def test_a_batch_known_in_part_asks_the_live_teacher(teacher, folder, data):
    x = np.concatenate([data[0][0][:5], data[1][0][:5]])
    cached = CachedTeacher(folder, teacher=teacher)
    found = cached.targets_of_new(x, ["pool"])
    expected = as_teacher(teacher).targets(x, ["pool"])
    np.testing.assert_allclose(found.outputs, expected.outputs, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(
        found.features["pool"], expected.features["pool"], rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize("size", [1, 7, 100])
def test_batches_of_any_size_are_read_within_the_last_bits(size, teacher, folder, data):
    x = data[0][0][np.random.default_rng(size).permutation(128)[:size]]
    found = tf.function(CachedTeacher(folder).targets)(x, ["relu1"])
    expected = as_teacher(teacher).targets(x, ["relu1"])
    assert found.outputs.dtype == tf.float32
    assert list(found.features) == ["relu1"]
    np.testing.assert_allclose(found.outputs, expected.outputs, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(
        found.features["relu1"], expected.features["relu1"], rtol=1e-5, atol=1e-5
    )


def test_it_tells_what_the_teacher_told(teacher, folder):
    cached, live = CachedTeacher(folder), as_teacher(teacher)
    assert len(cached) == 128
    assert cached.models == ()
    assert CachedTeacher(folder, teacher=teacher).models == (teacher,)
    assert cached.output_shapes == live.output_shapes == (None, 10)
    layers = ["pool", "relu1"]
    assert cached.layer_shapes(layers) == live.layer_shapes(layers)
    assert cached.gives_probabilities == live.gives_probabilities


def test_graphs_know_the_shapes(folder):
    function = tf.function(CachedTeacher(folder).targets)
    concrete = function.get_concrete_function(tf.TensorSpec((None, 8, 8, 1)), ["pool"])
    outputs, features = concrete.structured_outputs
    assert outputs.shape.as_list() == [None, 10]
    assert features["pool"].shape.as_list() == [None, 4, 4, 24]


def test_logits_are_stored_of_a_teacher_that_ends_in_softmax(data, tmp_path):
    model = build_classifier(keras, activation="softmax")
    cached = cache_teacher(model, data[0][0], tmp_path, dtype="float32")
    expected = model(data[0][0][:9]).numpy()
    found = cached.targets(data[0][0][:9]).outputs
    assert cached.gives_probabilities
    np.testing.assert_allclose(found, np.log(expected), rtol=1e-4, atol=1e-4)


def test_a_layer_that_is_not_stored_is_refused(folder, data):
    cached = CachedTeacher(folder)
    for look in (
        cached.layer_shapes,
        lambda layers: cached.targets(data[0][0], layers),
    ):
        with pytest.raises(ModelError, match=r"\['pool', 'relu1'\].*layers \['add'\]"):
            look(["pool", "add"])


def test_another_teacher_is_refused(folder):
    keras.utils.set_random_seed(9)
    for other in (build_classifier(keras, width=24), FunctionTeacher(lambda x: x)):
        with pytest.raises(ModelError, match="not the one that was cached"):
            CachedTeacher(folder, teacher=other)


def test_the_same_teacher_loaded_again_is_taken(teacher, folder, tmp_path):
    teacher.save(tmp_path / "teacher.keras")
    loaded = keras.models.load_model(tmp_path / "teacher.keras")
    assert CachedTeacher(folder, teacher=loaded).models == (loaded,)


def test_a_compiled_step_is_refused_or_not_compiled(either_keras, folder, data):
    student = build_classifier(either_keras, width=4)
    distiller = tfc.Distiller(CachedTeacher(folder), student, losses(), None, 0.0)
    if either_keras is keras:
        with pytest.warns(UserWarning, match="Proceeding with `jit_compile=False`"):
            distiller.compile("sgd", jit_compile=True)
        distiller.fit(data[0][0], verbose=0)
        return
    distiller.compile("sgd", jit_compile=True)
    with pytest.raises(ArgumentError, match=r"cached.*Received: jit_compile=True"):
        distiller.fit(data[0][0], verbose=0)


def test_its_config_is_the_folder(folder):
    config = CachedTeacher(folder).get_config()
    assert config == {"directory": str(folder)}
    again = teacher_from_config({"class_name": "CachedTeacher", "config": config})
    assert isinstance(again, CachedTeacher)
    assert len(again) == 128


def copy(folder, tmp_path):
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


@pytest.mark.parametrize("name", ["shard-00001.npy", "shard-00001.ids.npy"])
@pytest.mark.parametrize("damage", ["truncated", "header", "empty"])
def test_a_damaged_shard_is_refused(name, damage, folder, tmp_path, teacher, data):
    path = copy(folder, tmp_path) / name
    content = path.read_bytes()
    damaged = {
        "truncated": content[:-20],
        "header": b"not an array" + content[12:],
        "empty": b"",
    }
    path.write_bytes(damaged[damage])
    with pytest.raises(OutputError, match="Delete shard-00001.npy and shard-00001.ids"):
        CachedTeacher(tmp_path)
    assert path.read_bytes() == damaged[damage]
    for part in tmp_path.glob("shard-00001*"):
        part.unlink()
    with pytest.raises(OutputError, match="78 samples of 128"):
        CachedTeacher(tmp_path)
    cached = cache_teacher(
        teacher,
        data[0],
        tmp_path,
        dtype="float32",
        layers=["pool", "relu1"],
        batch_size=BATCH,
    )
    np.testing.assert_array_equal(
        cached.targets(data[0][0]).outputs,
        CachedTeacher(folder).targets(data[0][0]).outputs,
    )


def test_a_folder_without_a_cache_is_refused(tmp_path):
    with pytest.raises(OutputError, match="manifest.json"):
        CachedTeacher(tmp_path)
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(OutputError, match="cannot be read"):
        CachedTeacher(tmp_path)
    (tmp_path / "manifest.json").write_text('{"format": 2}')
    with pytest.raises(OutputError, match="of format 1.*of format 2"):
        CachedTeacher(tmp_path)


def test_reading_loads_the_ids_alone(tmp_path):
    x = np.arange(256, dtype=np.float32)[:, np.newaxis]
    cache_teacher(
        lambda x: tf.repeat(x, 40_000, axis=1),
        x,
        tmp_path,
        dtype="float32",
        batch_size=64,
        shard_samples=128,
    )
    before = anonymous_memory()
    cached = CachedTeacher(tmp_path)
    found = cached.targets(x[100:110]).outputs
    np.testing.assert_array_equal(found[:, -1], x[100:110, 0])
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) > 40e6
    assert anonymous_memory() - before < 15e6


def anonymous_memory():
    """The bytes of this process that are no mapped files."""
    with open("/proc/self/status") as status:
        line = next(line for line in status if line.startswith("RssAnon"))
    return int(line.split()[1]) * 1024

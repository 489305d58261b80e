import json
import subprocess
import sys
import textwrap

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfcompress.distillation.teachers.cache_teacher import cache_teacher
from tfcompress.distillation.teachers.cached_teacher import CachedTeacher
from tfcompress.distillation.teachers.ensemble import Ensemble
from tfcompress.errors import ArgumentError, DataError, ModelError, OutputError

X = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
KERNEL = np.random.default_rng(1).normal(size=(4, 3)).astype(np.float32)


class Counting:
    """A linear teacher that counts its batches, and may fail at one of them."""

    def __init__(self, kernel=KERNEL, *, fails_at=None):
        self.kernel, self.fails_at, self.calls = kernel, fails_at, 0

    def __call__(self, x):
        logits = tf.numpy_function(self._run, [x], tf.float32)
        return tf.ensure_shape(logits, (None, self.kernel.shape[1]))

    def _run(self, x):
        if self.calls == self.fails_at:
            raise RuntimeError("the teacher fails")
        self.calls += 1
        return (x[:, :, np.newaxis] * self.kernel).sum(1)


def linear(x):
    return (x[:, :, np.newaxis] * KERNEL).sum(1)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def build(kernel=KERNEL):
    model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(3)])
    model.set_weights([kernel, np.zeros(3)])
    return model


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 5

    def __getitem__(self, index):
        return X[index * 10 : index * 10 + 10], np.zeros(10)


def dataset(x=X):
    return tf.data.Dataset.from_tensor_slices((x, np.zeros(len(x)))).batch(8)


@pytest.mark.parametrize(
    "data",
    [
        X,
        X.astype(np.float64),
        (X, np.zeros(50)),
        (X, np.zeros(50), np.ones(50)),
        dataset(),
        dataset().map(lambda x, y: x),
        tf.data.Dataset.from_tensor_slices(X).shuffle(50).batch(8),
        Batches(),
        lambda: ((X[i : i + 7], None) for i in range(0, 50, 7)),
    ],
    ids=["x", "float64", "xy", "xyw", "data", "x data", "shuffled", "py", "generator"],
)
def test_data_of_every_form_is_stored(data, tmp_path):
    cached = cache_teacher(Counting(), data, tmp_path, dtype="float32", batch_size=16)
    assert len(cached) == 50
    order = np.random.default_rng(2).permutation(50)[:20]
    found = cached.targets(X[order]).outputs
    np.testing.assert_allclose(found, linear(X[order]), rtol=1e-6, atol=1e-6)


def test_shards_are_of_the_size_asked_for(tmp_path):
    cache_teacher(Counting(), X, tmp_path, batch_size=16, shard_samples=20)
    lengths = [len(np.load(path)) for path in sorted(tmp_path.glob("*.ids.npy"))]
    assert lengths == [20, 20, 10]
    names = {path.name for path in tmp_path.iterdir()}
    assert len(names) == 7
    assert "manifest.json" in names


def test_equal_samples_are_stored_once_and_asked_once(tmp_path):
    teacher = Counting()
    cached = cache_teacher(
        teacher, np.concatenate([X, X, X[:1]]), tmp_path, batch_size=10, shard_samples=7
    )
    assert len(cached) == 50
    assert teacher.calls == 5


def test_several_outputs_keep_their_structure(tmp_path):
    def teacher(x):
        return {"b": x[:, :2], "a": [x, tf.reshape(x, (-1, 2, 2))]}

    cached = cache_teacher(teacher, X, tmp_path, dtype="float32")
    outputs = cached.targets(X[5:8]).outputs
    np.testing.assert_array_equal(outputs["b"], X[5:8, :2])
    np.testing.assert_array_equal(outputs["a"][0], X[5:8])
    np.testing.assert_array_equal(outputs["a"][1], X[5:8].reshape(3, 2, 2))
    assert cached.output_shapes == {"b": (None, 2), "a": [(None, 4), (None, 2, 2)]}


def test_several_inputs_and_strings(tmp_path):
    words = np.array([f"word {i}" for i in range(50)])
    x = {"word": words, "number": X}
    cached = cache_teacher(
        lambda x: (
            tf.cast(tf.strings.length(x["word"]), tf.float32)[:, None] + x["number"]
        ),
        (x, None),
        tmp_path,
        dtype="float32",
    )
    found = cached.targets({"word": tf.constant(words[8:12]), "number": X[8:12]})
    expected = X[8:12] + np.array([[6], [6], [7], [7]], np.float32)
    np.testing.assert_allclose(found.outputs, expected)


def test_progress_is_told_after_each_batch(tmp_path):
    told = []
    cache_teacher(Counting(), X, tmp_path, batch_size=20, progress=told.append)
    assert told == [20, 40, 50]


def test_it_goes_on_after_a_failure_and_runs_nothing_complete(tmp_path):
    arguments = {"batch_size": 10, "shard_samples": 10}
    with pytest.raises(tf.errors.OpError, match="the teacher fails"):
        cache_teacher(Counting(fails_at=3), X, tmp_path, **arguments)
    before = contents(tmp_path)
    assert sum("ids" in name for name in before) == 3
    with pytest.raises(OutputError, match="not complete; call cache_teacher again"):
        CachedTeacher(tmp_path)
    teacher = Counting()
    cached = cache_teacher(teacher, X, tmp_path, **arguments)
    assert teacher.calls == 1 + 2  # one batch to see that it is the teacher, two to do
    np.testing.assert_allclose(
        cached.targets(X).outputs, linear(X), rtol=2e-3, atol=2e-3
    )
    after = contents(tmp_path)
    assert all(after[name] == before[name] for name in before if "shard" in name)


def test_it_goes_on_after_a_kill_with_the_data_in_another_order(tmp_path):
    script = textwrap.dedent(
        """
        import os, sys
        import numpy as np, tensorflow as tf
        from tfcompress.distillation.teachers.cache_teacher import cache_teacher

        calls = []

        def run(x):
            if len(calls) == 4:
                os._exit(7)
            calls.append(1)
            return x

        x = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
        cache_teacher(
            lambda x: tf.numpy_function(run, [x], tf.float32),
            x, sys.argv[1], batch_size=10, shard_samples=15, dtype="float32",
        )
        """
    )
    ended = subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
    assert ended.returncode == 7
    assert len(list(tmp_path.glob("shard-*.ids.npy"))) == 2
    (tmp_path / "shard-00002.npy").write_bytes(b"without its ids")
    (tmp_path / ".shard-00002.x.npy").write_bytes(b"written by half")
    teacher = Counting(np.eye(4, dtype=np.float32))
    shuffled = tf.data.Dataset.from_tensor_slices(X[::-1].copy()).shuffle(50).batch(1)
    cached = cache_teacher(
        teacher, shuffled, tmp_path, batch_size=10, shard_samples=15, dtype="float32"
    )
    assert teacher.calls == 1 + 20  # 30 of 50 samples were complete
    np.testing.assert_array_equal(cached.targets(X).outputs, X)
    assert not list(tmp_path.glob(".*"))


def test_a_complete_cache_is_opened_and_grows_with_the_data(tmp_path):
    cache_teacher(build(), X[:30], tmp_path)
    before = contents(tmp_path)
    cache_teacher(build(), X[:30], tmp_path)
    assert contents(tmp_path) == before
    assert len(cache_teacher(build(), X, tmp_path)) == 50


def refused(error, said, tmp_path, *args, **kwargs):
    before = contents(tmp_path)
    with pytest.raises(error, match=said):
        cache_teacher(*args, **kwargs)
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    ("teacher", "other"),
    [
        (build(), build(KERNEL * 1.0001)),
        (build(), linear),
        (Counting(), Counting(KERNEL[:, ::-1].copy())),
        ([build(), build()], Ensemble([build(), build()], average="logits")),
    ],
    ids=["weights", "kind", "function", "ensemble"],
)
def test_another_teacher_is_refused_and_files_are_untouched(teacher, other, tmp_path):
    cache_teacher(teacher, X, tmp_path)
    refused(ModelError, "not the one that was cached", tmp_path, other, X, tmp_path)


@pytest.mark.parametrize(
    "settings", [{"dtype": "float32"}, {"top_k": 2}, {"layers": ["dense"]}]
)
def test_other_settings_are_refused_and_files_are_untouched(settings, tmp_path):
    model = build()
    if "layers" in settings:
        settings = {"layers": [model.layers[-1].name]}
    cache_teacher(model, X, tmp_path)
    refused(OutputError, "other settings", tmp_path, model, X, tmp_path, **settings)


@pytest.mark.parametrize("data", [X[:49], X + 1], ids=["fewer", "other"])
def test_other_data_is_refused_and_files_are_untouched(data, tmp_path):
    cache_teacher(build(), X, tmp_path)
    refused(DataError, "cached on other data", tmp_path, build(), data, tmp_path)


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "photograph.jpg").write_bytes(b"")
    refused(OutputError, "holds .'photograph.jpg'", tmp_path, build(), X, tmp_path)
    file = tmp_path / "photograph.jpg"
    refused(OutputError, "new or empty", tmp_path, build(), X, file)


def augmented():
    """Data that is never the same again, whatever global seed is set."""
    generator = tf.random.Generator.from_seed(0)
    return dataset().map(lambda x, y: (x + generator.normal(tf.shape(x)), y))


class Augmenting(Batches):
    generator = np.random.default_rng(0)

    def __getitem__(self, index):
        x, y = super().__getitem__(index)
        return x[:, :: self.generator.choice([-1, 1])], y


@pytest.mark.parametrize(
    ("data", "count"),
    [
        (augmented(), "50 of 50"),
        (augmented().shuffle(3), "50 of 50"),
        (Augmenting(), ""),
    ],
    ids=["data set", "shuffled", "PyDataset"],
)
def test_data_augmented_at_random_is_refused_before_the_teacher_runs(
    data, count, tmp_path
):
    teacher = Counting()
    said = f"before the data is augmented at random.*stateless_random_crop.*{count}"
    with pytest.raises(DataError, match=said):
        cache_teacher(teacher, data, tmp_path / "cache")
    assert teacher.calls == 0
    assert not (tmp_path / "cache").exists()


def test_data_augmented_by_a_stored_seed_passes(tmp_path):
    def augment(x, seed):
        return x + tf.random.stateless_normal((4,), [seed, 0])

    data = tf.data.Dataset.from_tensor_slices((X, np.arange(50))).map(augment)
    data = data.shuffle(50).batch(10)
    cached = cache_teacher(Counting(), data, tmp_path, dtype="float32")
    assert len(cached) == 50
    for x in data.take(2):
        np.testing.assert_allclose(
            cached.targets(x).outputs, linear(x.numpy()), rtol=1e-5, atol=1e-6
        )


def test_data_without_end_and_without_samples_is_refused(tmp_path):
    with pytest.raises(DataError, match="without repeat"):
        cache_teacher(Counting(), dataset().repeat(), tmp_path)
    with pytest.raises(DataError, match="empty"):
        cache_teacher(Counting(), dataset().take(0), tmp_path)
    with pytest.raises(DataError, match="read only once"):
        cache_teacher(Counting(), iter([X]), tmp_path)


def test_samples_padded_to_other_lengths_are_refused(tmp_path):
    def padded():
        yield X[:5, :3], None
        yield X[5:, :], None

    with pytest.raises(DataError, match="pad all samples to one length"):
        cache_teacher(lambda x: x, padded, tmp_path)


def test_a_teacher_that_wavers_is_refused(tmp_path):
    data = np.concatenate([X[:10], X[:10]])
    with pytest.raises(DataError, match="must give the same for the same inputs"):
        cache_teacher(lambda x: tf.random.normal(tf.shape(x)), data, tmp_path)


def test_top_logits_are_stored_with_the_rest(tmp_path):
    wide = np.random.default_rng(3).normal(size=(4, 30)).astype(np.float32)
    cached = cache_teacher(Counting(wide), X, tmp_path, top_k=5)
    logits = (X[:, :, np.newaxis] * wide).sum(1)
    found = cached.targets(X).outputs.numpy()
    top = np.argsort(-logits, -1)[:, :5]
    np.testing.assert_allclose(
        np.take_along_axis(tf.nn.softmax(found).numpy(), top, -1),
        np.take_along_axis(tf.nn.softmax(logits).numpy(), top, -1),
        rtol=5e-3,
    )
    assert np.load(tmp_path / "shard-00000.npy").dtype.itemsize == 5 * (2 + 4) + 4


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"dtype": "int8"}, "dtype='int8'"),
        ({"top_k": 0}, "top_k=0"),
        ({"top_k": True}, "top_k=True"),
        ({"top_k": 3}, "top_k=3"),
        ({"batch_size": 0}, "batch_size=0"),
        ({"shard_samples": 1.5}, "shard_samples=1.5"),
    ],
)
def test_bad_arguments_are_refused(arguments, said, tmp_path):
    with pytest.raises(ArgumentError, match=said):
        cache_teacher(Counting(), X, tmp_path / "cache", **arguments)
    assert not (tmp_path / "cache").exists()


def test_layers_of_a_function_are_refused(tmp_path):
    with pytest.raises(ModelError, match="layers"):
        cache_teacher(Counting(), X, tmp_path, layers=["dense"])


def test_the_manifest_tells_who_made_it(tmp_path):
    cache_teacher(build(), X, tmp_path, dtype="float32")
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert (manifest["format"], manifest["samples"]) == (1, 50)
    assert len(manifest["teacher"]) == 64
    assert manifest["shapes"] == [[3]]

"""Tests of a teacher that runs over the data of a stage once."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfcompress.distillation import CachedTeacher
from tfcompress.errors import DataError
from tfcompress.pipeline import Distil, Distillation, Training
from tfcompress.pipeline.fitting import fit_stage
from tfcompress.pipeline.fitting.stored_answers import stored_answers


@pytest.fixture(scope="module")
def data():
    generator = np.random.default_rng(0)
    x = generator.integers(0, 255, (48, 6)).astype("uint8")
    return x, (x[:, 0] > 127).astype("int32")


def classifier(seed):
    keras.utils.set_random_seed(seed)
    layers = keras.layers
    return keras.Sequential(
        [
            layers.Input((6,)),
            layers.Rescaling(1 / 255),
            layers.Dense(5, activation="tanh"),
            layers.Dense(2, activation="softmax"),
        ]
    )


def distil(data, backup, *, cached):
    stage = Distil(
        training=Training(epochs=2, batch_size=16),
        distillation=Distillation(cached=cached),
    )
    fitted = fit_stage(
        stage,
        classifier(1),
        teacher=classifier(2),
        train=data,
        validation=data,
        seed=0,
        backup=backup,
    )
    return fitted.model.get_weights()


def folders(place):
    """TensorFlow leaves files of its own there, until the process ends."""
    return [path for path in place.iterdir() if path.is_dir()]


@pytest.mark.slow
def test_the_student_is_that_of_the_live_teacher(data, tmp_path):
    live = distil(data, tmp_path / "live.npz", cached=False)
    stored = distil(data, tmp_path / "stored.npz", cached=True)
    for one, other in zip(live, stored, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-3)
    assert not (tmp_path / "live.teacher").exists()
    teacher = CachedTeacher(tmp_path / "stored.teacher")
    logits = np.log(classifier(2).predict(data[0], verbose=0))
    said = tf.nn.log_softmax(teacher.targets(data[0]).outputs)
    np.testing.assert_allclose(said, logits, atol=1e-2)


def test_without_a_backup_nothing_is_left(data, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with stored_answers(Distillation(cached=True), classifier(2), data, None) as stored:
        assert isinstance(stored, CachedTeacher)
        assert folders(tmp_path)
    assert not folders(tmp_path)


def test_random_data_is_refused(data):
    def draw(x, y):
        return tf.cast(x, tf.float32) + tf.random.normal(tf.shape(x)), y

    dataset = tf.data.Dataset.from_tensor_slices(data).map(draw).batch(16)
    with pytest.raises(DataError, match="random"):
        distil(dataset, None, cached=True)

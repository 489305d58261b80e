"""What a device cannot run is found before the training."""

import keras
import numpy as np
import pytest
import tf_keras

from tfcompress import export
from tfcompress.errors import ExportError
from tfcompress.pipeline import (
    Export,
    FineTune,
    Pipeline,
    Quantize,
    Training,
    rehearsal,
)

ONCE = Training(epochs=1)


class _Trained(keras.callbacks.Callback):
    """Notes whether a training has begun."""

    began = False

    def on_train_begin(self, logs=None):
        self.began = True


def _build(module):
    """A network that scales bytes itself, in float."""
    layers = module.layers
    return module.Sequential(
        [
            layers.Input((6,), dtype="uint8"),
            layers.Rescaling(1 / 255, name="scaled"),
            layers.Dense(3, activation="softmax", name="last"),
        ]
    )


def _data():
    x = np.random.default_rng(0).integers(0, 256, (32, 6)).astype("uint8")
    return x, np.arange(32) % 3


def _refuse(module, stages, directory):
    noted, data = _Trained(), _data()
    callbacks = [noted] if module is keras else []
    pipeline = Pipeline(stages)
    with pytest.raises(ExportError, match="CAST"):
        pipeline.run(
            _build(module),
            data,
            data,
            directory=directory,
            callbacks=callbacks,
            verbose=0,
        )
    assert not noted.began
    assert not directory.exists()


@pytest.mark.parametrize("module", [keras, tf_keras], ids=["keras", "tf_keras"])
def test_operations_that_a_device_has_not(module, tmp_path):
    stages = [Quantize(training=ONCE), Export(target="microcontroller")]
    _refuse(module, stages, tmp_path / "run")


def test_a_strict_export(tmp_path):
    stages = [FineTune(training=ONCE), Export(strict=True)]
    _refuse(keras, stages, tmp_path / "run")


def test_another_device_in_the_same_folder(tmp_path):
    """What stands there from another device does not make it skip the new one."""
    data = _data()
    place, stages = tmp_path / "run", [FineTune(training=ONCE)]
    first = Pipeline([*stages, Export(target="cpu_float32")])
    first.run(_build(keras), data, data, directory=place, verbose=0)
    longer = [FineTune(training=Training(epochs=2)), Export(target="gpu")]
    noted = _Trained()
    with pytest.raises(ExportError, match="CAST"):
        Pipeline(longer).run(
            _build(keras), data, data, directory=place, callbacks=[noted], verbose=0
        )
    assert not noted.began
    assert (place / "02-export").exists()


def test_what_is_done_is_not_tried_again(tmp_path, monkeypatch):
    x, y = _data()
    model = keras.Sequential(
        [keras.layers.Input((6,)), keras.layers.Dense(3, name="last")]
    )
    data = x.astype("float32"), y
    pipeline = Pipeline([FineTune(training=ONCE), Export(target="microcontroller")])
    tried = []
    write = export.to_tflite

    def note(*arguments, **options):
        tried.append(options.get("verification", True))
        return write(*arguments, **options)

    monkeypatch.setattr(rehearsal.export, "to_tflite", note)
    options = {"directory": tmp_path / "run", "verbose": 0}
    pipeline.run(model, data, data, **options)
    pipeline.run(model, data, data, **options)
    assert tried == [False, True]

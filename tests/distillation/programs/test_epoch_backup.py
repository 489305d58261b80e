"""A training that was stopped or killed goes on with its callbacks."""

import keras
import numpy as np
import pytest
import tf_keras

from tfcompress import keras_compat
from tfcompress.distillation.programs.epoch_backup import EpochBackup
from tfcompress.distillation.programs.weight_files import read_arrays, write_arrays
from tfcompress.errors import OutputError

KERASES = {"keras": keras, "tf_keras": tf_keras}
X = np.ones((4, 1), "float32")


class Killed(Exception):
    """Stands for a kill."""


@pytest.fixture(params=KERASES)
def library(request):
    return KERASES[request.param]


def compiled(library, units=1, optimizer=None):
    model = library.Sequential(
        [library.Input((1,)), library.layers.Dense(units, use_bias=False)]
    )
    model.set_weights([np.zeros((1, units))])
    # The weight goes 0, 1, 0, 1, ... and the loss of an epoch is 0.25.
    model.compile(optimizer or library.optimizers.SGD(1.0), loss="mse")
    return model


def fit(library, path, kill_at=None, stopping=None, epochs=9):
    def kill(epoch, logs):
        if epoch == kill_at:
            raise Killed

    model = compiled(library)
    callbacks = library.callbacks
    stopping = stopping or callbacks.EarlyStopping(
        "loss", min_delta=0.1, patience=3, restore_best_weights=True
    )
    backup = EpochBackup(path, [stopping])
    killing = callbacks.LambdaCallback(on_epoch_begin=kill)
    keras_name = "tf_keras" if library is tf_keras else "keras"
    model.fit(
        X,
        X / 2,
        epochs=backup.epochs(epochs),
        initial_epoch=backup.epoch,
        callbacks=keras_compat.cross([stopping, killing, backup], keras=keras_name),
        verbose=0,
    )
    return model, stopping, backup


def test_patience_goes_on_where_it_was(library, tmp_path):
    path = tmp_path / "backup.npz"
    with pytest.raises(Killed):
        fit(library, path, kill_at=2)

    model, stopping, backup = fit(library, path)

    # The first epoch is the best; three more follow, and no tenth.
    assert (backup.epoch, backup.stopped) == (4, True)
    assert stopping.best == 0.25
    assert model.get_weights()[0].item() == 1


def test_epochs_after_a_stop_are_not_done(library, tmp_path):
    path = tmp_path / "backup.npz"
    fit(library, path)

    model, _, backup = fit(library, path, kill_at=4)

    assert backup.history == {"loss": [0.25] * 4}
    assert model.get_weights()[0].item() == 1


def test_a_learning_rate_that_was_lowered_stays_so(library, tmp_path):
    path = tmp_path / "backup.npz"

    def plateau():
        return library.callbacks.ReduceLROnPlateau("loss", patience=1, factor=0.5)

    with pytest.raises(Killed):
        fit(library, path, kill_at=2, stopping=plateau())
    model, _, _ = fit(library, path, stopping=plateau(), epochs=2)

    assert model.optimizer.learning_rate.numpy() == 0.5


def test_the_file_of_another_training_is_refused(tmp_path):
    path = tmp_path / "backup.npz"
    fit(keras, path, epochs=1)
    with pytest.raises(OutputError, match="other shapes"):
        compiled(keras, units=2).fit(
            X, np.ones((4, 2)), callbacks=[EpochBackup(path)], verbose=0
        )


def test_the_file_of_another_optimizer_is_refused(library, tmp_path):
    path = tmp_path / "backup.npz"
    adam = compiled(library, optimizer=library.optimizers.Adam())
    backup = EpochBackup(path)
    keras_name = "tf_keras" if library is tf_keras else "keras"
    callbacks = keras_compat.cross([backup], keras=keras_name)
    adam.fit(X, X, callbacks=callbacks, verbose=0)

    with pytest.raises(OutputError, match="optimizer is another"):
        fit(library, path)


def test_a_file_that_was_written_in_another_way_is_refused(tmp_path):
    path = tmp_path / "backup.npz"
    fit(keras, path, epochs=1)
    arrays, notes = read_arrays(path)
    del notes["stopped"]
    write_arrays(path, arrays, notes)

    with pytest.raises(OutputError, match="in another way. Remove it"):
        EpochBackup(path)


def test_without_a_file_callbacks_are_not_looked_into(monkeypatch):
    monkeypatch.delattr(
        "tfcompress.distillation.programs.callback_states.CallbackStates.begin"
    )
    _, _, backup = fit(keras, None, epochs=1)
    assert backup.history == {"loss": [0.25]}

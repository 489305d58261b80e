import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

import tfcompress as tfc
from tfcompress.errors import ArgumentError, DataError, ModelError, OutputError
from tfcompress.schedules import Polynomial

LIBRARIES = {"keras": keras, "tf_keras": tf_keras}


@pytest.fixture(scope="module")
def data():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(64, 6)).astype("float32")
    return x, np.argmax(x[:, :3], axis=1)


def network(library, width=5):
    return library.Sequential(
        [
            library.Input((6,)),
            library.layers.Dense(width, activation="relu", name="hidden"),
            library.layers.Dense(3, name="logits"),
        ]
    )


def read_scalars(folder):
    """Reads what TensorBoard would show: a list of values for each tag, by step."""
    found = {}
    for file in sorted(folder.rglob("events.out.tfevents*")):
        for event in tf.compat.v1.train.summary_iterator(str(file)):
            for value in event.summary.value:
                number = float(tf.make_ndarray(value.tensor))
                found.setdefault(value.tag, []).append((event.step, number))
    return {tag: [number for _, number in sorted(v)] for tag, v in found.items()}


@pytest.mark.parametrize("home", LIBRARIES)
def test_a_distillation(home, data, tmp_path):
    library = LIBRARIES[home]
    teacher, student = network(library, 16), network(library)
    distiller = tfc.Distiller(
        teacher,
        student,
        [
            tfc.distillation.LogitsDistillation(
                temperature=Polynomial(8.0, 2.0, power=1)
            ),
            tfc.distillation.FeatureDistillation("mse", "hidden", "hidden"),
        ],
        [1.0, 0.25],
        student_loss_weight=0.1,
    )
    loss = library.losses.SparseCategoricalCrossentropy(from_logits=True)
    distiller.compile("adam", loss=loss, metrics=["accuracy"])
    log = tfc.report.training_log(distiller, tmp_path, teacher=teacher, data=data[0])
    history = distiller.fit(
        *data, epochs=3, validation_data=data, callbacks=[log], verbose=0
    ).history
    scalars = read_scalars(tmp_path)
    for name, values in history.items():
        assert scalars[f"epoch/{name}"] == pytest.approx(values, rel=1e-5)
    parts = [
        np.array(history[name])
        for name in ("logits_distillation_loss", "feature_distillation_loss")
    ]
    np.testing.assert_allclose(
        parts[0] + 0.25 * parts[1], history["distillation_loss"], rtol=1e-4
    )
    temperatures = scalars["distillation/logits_distillation/temperature"]
    # 2 batches of 32 an epoch: the last steps are 1, 3 and 5 of 6.
    assert temperatures == pytest.approx([7.0, 5.0, 3.0])
    assert scalars["distillation/feature_distillation/weight"] == [0.25] * 3
    assert scalars["distillation/student_loss_weight"] == pytest.approx([0.1] * 3)
    same = np.argmax(student(data[0]), 1) == np.argmax(teacher(data[0]), 1)
    assert scalars["agreement"][-1] == pytest.approx(np.mean(same))


def test_pruning_and_ranges(data, tmp_path):
    pruning = tfc.pruning.MagnitudePruning(sparsity=0.5)
    pruned = pruning.apply(network(keras, width=6))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    pruned.compile("adam", loss=loss)
    log = tfc.report.training_log(pruned, tmp_path / "pruning")
    callbacks = [*pruning.callbacks(), log]
    pruned.fit(*data, epochs=4, callbacks=callbacks, verbose=0)
    scalars = read_scalars(tmp_path / "pruning")
    assert scalars["zeros/hidden"][-1] == scalars["zeros/all"][-1] == 0.5
    assert scalars["zeros/all"] == sorted(scalars["zeros/all"])
    small = pruning.finalize(pruned)

    aware = tfc.quantization.QuantizationAwareTraining()
    model = tfc.quantization.calibrate(aware.apply(small), data[0])
    model.compile("adam", loss=loss)
    log = tfc.report.training_log(model, tmp_path / "ranges")
    model.fit(*data, epochs=1, callbacks=[log], verbose=0)
    ranges = {
        tag: values
        for tag, values in read_scalars(tmp_path / "ranges").items()
        if tag.startswith("ranges/")
    }
    lows = [tag for tag in ranges if tag.endswith("/low")]
    assert len(lows) >= 3  # the input, and what each layer gives
    for tag in lows:
        assert ranges[tag][0] <= 0 < ranges[tag.replace("/low", "/high")][0]


def test_one_loss_has_no_second_name(data):
    student = network(keras)
    loss = tfc.distillation.LogitsDistillation(temperature=4)
    distiller = tfc.Distiller(network(keras), student, loss, student_loss_weight=0)
    distiller.compile("adam")
    history = distiller.fit(data[0], verbose=0).history
    assert set(history) == {"loss", "student_loss", "distillation_loss"}
    assert distiller.observe()["temperature"] == 4.0


@pytest.mark.parametrize("home", LIBRARIES)
def test_metrics_of_several_numbers(home, data, tmp_path):
    library = LIBRARIES[home]
    model = network(library)
    loss = library.losses.CategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss=loss, metrics=[library.metrics.F1Score(average=None)])
    log = tfc.report.training_log(model, tmp_path)
    given = data[0], np.eye(3, dtype="float32")[data[1]]
    history = model.fit(*given, epochs=2, callbacks=[log], verbose=0).history
    scalars = read_scalars(tmp_path)
    assert set(scalars) >= {f"epoch/f1_score/{number}" for number in range(3)}
    for number in range(3):
        expected = [float(values[number]) for values in history["f1_score"]]
        assert scalars[f"epoch/f1_score/{number}"] == pytest.approx(expected)


@pytest.mark.parametrize("home", LIBRARIES)
def test_a_log_is_closed_and_opened_again(home, data, tmp_path, monkeypatch):
    made = []
    create = tf.summary.create_file_writer
    monkeypatch.setattr(
        tf.summary,
        "create_file_writer",
        lambda folder: made.append(create(folder)) or made[-1],
    )
    library = LIBRARIES[home]
    model = network(library)
    model.compile("sgd", library.losses.SparseCategoricalCrossentropy(from_logits=True))
    log = tfc.report.training_log(model, tmp_path)
    for start in (0, 1):
        model.fit(
            *data, initial_epoch=start, epochs=start + 1, callbacks=[log], verbose=0
        )
        with pytest.raises(RuntimeError, match="already closed"):
            made[-1].set_as_default()
    assert len(read_scalars(tmp_path)["epoch/loss"]) == len(made) == 2


def test_what_does_not_fit_is_found_before_the_training(data, tmp_path):
    model = network(keras)
    with pytest.raises(DataError, match=r"\(None, 6\)"):
        tfc.report.training_log(
            model, tmp_path / "log", teacher=model, data=data[0][:, :5]
        )
    wider = keras.Sequential([keras.Input((6,)), keras.layers.Dense(4)])
    with pytest.raises(ModelError, match="same classes"):
        tfc.report.training_log(model, tmp_path / "log", teacher=wider, data=data[0])
    assert not (tmp_path / "log").exists()
    unbuilt = keras.Sequential([keras.layers.Dense(3)])
    tfc.report.training_log(unbuilt, tmp_path / "log", teacher=model, data=data[0])


def test_bad_arguments(data, tmp_path):
    model = network(keras)
    with pytest.raises(ArgumentError, match="Received: data=None"):
        tfc.report.training_log(model, tmp_path, teacher=model)
    with pytest.raises(ArgumentError, match="Received: teacher=None"):
        tfc.report.training_log(model, tmp_path, data=data[0])
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="Received: directory="):
        tfc.report.training_log(model, tmp_path / "file")

"""A run does each stage once, and again only what depends on what has changed."""

import dataclasses
import json
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from tests.models import build_classifier
from tfcompress import keras_compat
from tfcompress.errors import TFCompressError
from tfcompress.pipeline import (
    Distil,
    Distillation,
    Evaluate,
    Export,
    FineTune,
    Joint,
    Pipeline,
    PruneWeights,
    Quantize,
    Training,
    TrainTeacher,
)

ONCE = Training(epochs=1)
TOML = """
name = "mine"
weights = "float16"
activations = "float32"
inputs_and_outputs = "float32"
description = "a device of mine"
"""


def _build(module=keras, *, classes=3, seed=0):
    module.utils.set_random_seed(seed)
    layers = module.layers
    return module.Sequential(
        [
            layers.Input((6,)),
            layers.Dense(8, activation="relu", name="hidden"),
            layers.Dense(classes, activation="softmax", name="last"),
        ]
    )


def _data(seed=0):
    random = np.random.default_rng(seed)
    x = random.normal(size=(64, 6)).astype("float32")
    return x, x[:, :3].argmax(1)


TRAIN, VALIDATION, TEST = _data(0), _data(1), _data(2)
COPY = tuple(array.copy() for array in TRAIN)


def _pruning(sparsity=0.5, name="pruned"):
    """A stage that takes no time, for it does not train."""
    return PruneWeights(name=name, sparsity=sparsity, training=None)


def _run(pipeline, directory, model=None, *, train=TRAIN, **options):
    model = _build() if model is None else model
    validation = options.pop("validation", VALIDATION)
    return pipeline.run(
        model, train, validation, directory=directory, verbose=0, **options
    )


def _done(result):
    """Returns the names of the stages that were done now."""
    return [name for name, stage in result.stages.items() if not stage.reused]


def _whole(toml):
    return Pipeline(
        [
            TrainTeacher(training=ONCE),
            _pruning(),
            FineTune(training=ONCE, distillation=Distillation()),
            Export(target="cpu_float32"),
            Export(name="mine", target=str(toml)),
            Evaluate(seconds=0.01),
        ],
        name="all of it",
    )


@pytest.fixture(
    scope="module",
    params=["keras", pytest.param("tf_keras", marks=pytest.mark.slow)],
)
def whole(request, tmp_path_factory):
    """A model of either Keras, what was made of it, and with what."""
    folder = tmp_path_factory.mktemp("whole")
    toml = folder / "mine.toml"
    toml.write_text(TOML)
    module = getattr(keras_compat, request.param)()
    model = _build(module)
    before = model.get_weights()
    pipeline = _whole(toml)
    result = _run(pipeline, folder / "run", model, test=TEST)
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    return model, pipeline, result


def test_every_stage_leaves_its_folder(whole):
    _, pipeline, result = whole
    kept = {
        "train_teacher": ["model.keras"],
        "pruned": ["model.keras"],
        "fine_tune": ["model.keras"],
        "export": ["model.tflite", "model.tflite.json"],
        "mine": ["model.tflite", "model.tflite.json"],
        "evaluate": ["report.html", "results.json"],
    }
    assert list(result.stages) == list(pipeline.names) == list(kept)
    for number, (name, files) in enumerate(kept.items(), start=1):
        path = result.directory / f"{number:02d}-{name}"
        assert result.stages[name].path == path
        assert sorted(each.name for each in path.iterdir()) == [*files, "stage.json"]
    folders = {each.name for each in result.directory.iterdir()}
    assert len(folders - {".lock", ".work", "run.json"}) == len(kept)
    assert not list((result.directory / ".work").iterdir())


def test_result_holds_what_was_made(whole):
    model, _, result = whole
    assert keras_compat.keras_of(result.model) is keras_compat.keras_of(model)
    assert _done(result) == list(result.stages)
    kernel = result.model.get_layer("hidden").get_weights()[0]
    assert np.mean(kernel == 0) >= 0.5
    trained = result.stages["fine_tune"]
    assert len(trained.history["loss"]) == len(trained.history["val_loss"]) == 1
    assert result.stages["pruned"].history == {}
    assert "hidden" in result.stages["pruned"].account
    assert list(result.artifacts) == ["export", "mine"]
    assert result.artifact is result.artifacts["mine"]
    assert result.artifacts["mine"].target.name == "mine"
    x = TEST[0][:4]
    said = np.concatenate(
        [result.artifacts["export"].predict(x[i : i + 1]) for i in range(4)]
    )
    np.testing.assert_allclose(said, result.model.predict(x, verbose=0), atol=1e-5)
    np.testing.assert_allclose(said.sum(-1), 1, atol=1e-5)
    rows = [row.name for row in result.comparison.rows]
    assert rows == ["original", "export", "mine"]
    right = model.predict(TEST[0], verbose=0).argmax(-1) == TEST[1]
    assert result.comparison["original"].quality["accuracy"] == pytest.approx(
        right.mean()
    )
    record = json.loads((result.stages["fine_tune"].path / "stage.json").read_text())
    assert record["config"]["training"]["epochs"] == 1
    inputs = {"model", "teacher", "train", "seed", "loss", "zeros"}
    assert set(record["inputs"]) == inputs


def test_same_call_does_nothing_and_gives_the_same(whole):
    model, pipeline, first = whole
    result = _run(pipeline, first.directory, model, test=TEST)
    assert _done(result) == []
    assert result.comparison == first.comparison
    assert str(result.comparison) == str(first.comparison)
    assert result.comparison.to_dict()["rows"] == first.comparison.to_dict()["rows"]
    assert result.artifacts == first.artifacts
    for one, other in zip(
        result.model.get_weights(), first.model.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(one, other)
    one, other = (json.loads(each.to_json()) for each in (first, result))
    assert other["comparison"]["rows"] == one["comparison"]["rows"]
    assert other["artifacts"] == one["artifacts"]
    for name, stage in one["stages"].items():
        assert other["stages"][name] == {**stage, "reused": True}


@pytest.mark.slow
def test_other_target_trains_nothing_and_other_test_data_exports_nothing(
    whole, tmp_path
):
    model, pipeline, first = whole
    shutil.copytree(first.directory, tmp_path / "run")
    stages = list(pipeline.stages)
    stages[4] = Export(name="mine", target="cpu_float16")
    result = _run(Pipeline(stages), tmp_path / "run", model, test=TEST)
    assert _done(result) == ["mine", "evaluate"]
    result = _run(Pipeline(stages), tmp_path / "run", model, test=VALIDATION)
    assert _done(result) == ["evaluate"]


@pytest.mark.slow
def test_other_content_of_a_target_file_writes_the_file_again(tmp_path):
    toml = tmp_path / "mine.toml"
    pipeline = Pipeline([Export(target=str(toml))])
    for text, done in ((TOML, ["export"]), (TOML, []), (TOML + "#", [])):
        toml.write_text(text)
        assert _done(_run(pipeline, tmp_path / "run")) == done
    toml.write_text(TOML.replace("float16", "float32"))
    result = _run(pipeline, tmp_path / "run")
    assert _done(result) == ["export"]
    assert result.artifact.target.weights == "float32"


PRUNED = Pipeline([_pruning(0.3, "a"), _pruning(0.5, "b"), _pruning(0.8, "c")])


@pytest.fixture(scope="module")
def first_run(tmp_path_factory):
    """The folder of a run of `PRUNED` with the model, which no test changes."""
    folder = tmp_path_factory.mktemp("pruned") / "run"
    assert _done(_run(PRUNED, folder)) == ["a", "b", "c"]
    return folder


@pytest.fixture
def run(first_run, tmp_path):
    """A copy of that folder."""
    return shutil.copytree(first_run, tmp_path / "run")


def _changed(**changes):
    stages = [
        dataclasses.replace(stage, sparsity=changes.get(stage.name, stage.sparsity))
        for stage in PRUNED.stages
    ]
    return Pipeline(stages, seed=changes.get("seed", 0))


def _compiled():
    model = _build()
    model.compile(loss=keras.losses.CategoricalFocalCrossentropy())
    return model


@pytest.mark.parametrize(
    ("change", "done"),
    [
        ({}, []),
        ({"validation": TEST, "test": TRAIN}, []),
        # b sets the same weights to zero, whatever a has done: c works on the same.
        ({"pipeline": _changed(a=0.4)}, ["a", "b"]),
        ({"pipeline": _changed(b=0.6)}, ["b", "c"]),
        ({"pipeline": _changed(seed=1)}, ["a", "b", "c"]),
        ({"pipeline": Pipeline(PRUNED.stages, name="other"), "train": COPY}, []),
        ({"train": VALIDATION}, ["a", "b", "c"]),
        ({"model": _build(seed=1)}, ["a", "b", "c"]),
    ],
)
def test_change_does_again_what_depends_on_it(run, change, done):
    call = {"pipeline": PRUNED, "directory": run, **change}
    assert _done(_run(**call)) == done
    assert not done or _done(_run(**call)) == []


@pytest.mark.slow
def test_stage_put_between_moves_the_ones_behind_it(tmp_path):
    first, last = _pruning(0.3, "a"), Export(target="cpu_float32")
    _run(Pipeline([first, last]), tmp_path)
    between = Export(name="half", target="cpu_float16")
    result = _run(Pipeline([first, between, last]), tmp_path)
    assert _done(result) == ["half"]
    assert result.artifact.path == tmp_path / "03-export" / "model.tflite"


@pytest.mark.parametrize("name", ["stage.json", "model.keras"])
def test_damaged_stage_is_done_again(run, name):
    path = run / "02-b" / name
    path.write_bytes(path.read_bytes()[:-30])
    assert _done(_run(PRUNED, run)) == ["b"]


@pytest.mark.slow
def test_teacher_and_student_may_be_files(tmp_path):
    teacher, student = _build(seed=3), _build(seed=4)
    files = [tmp_path / "teacher.keras", tmp_path / "student.keras"]
    for model, path in zip((teacher, student), files, strict=True):
        model.save(path)
    results = [
        _run(
            Pipeline(
                [Distil(student=b, training=ONCE, distillation=Distillation(teacher=a))]
            ),
            tmp_path / "run",
        )
        for a, b in ((teacher, student), map(str, files))
    ]
    assert [_done(result) for result in results] == [["distil"], []]
    teacher.save(files[1])
    pipeline = Pipeline(
        [
            Distil(
                student=str(files[1]),
                training=ONCE,
                distillation=Distillation(teacher=str(files[0])),
            )
        ]
    )
    assert _done(_run(pipeline, tmp_path / "run")) == ["distil"]


@pytest.mark.slow
def test_several_teachers_teach_together(tmp_path):
    def pipeline(*teachers):
        taught = Distillation(teacher=teachers)
        return Pipeline([_pruning(), FineTune(training=ONCE, distillation=taught)])

    other = _build(tf_keras, seed=5)
    first = _run(pipeline("pruned", other), tmp_path / "run")
    assert _done(first) == ["pruned", "fine_tune"]
    assert "distillation_loss" in first.stages["fine_tune"].history
    assert _done(_run(pipeline("pruned", other), tmp_path / "run")) == []
    assert _done(_run(pipeline("original"), tmp_path / "run")) == ["fine_tune"]


@keras.utils.register_keras_serializable("test_engine")
class _Known(keras.layers.Dense):
    pass


class _Unknown(keras.layers.Dense):
    pass


def _with(layer):
    return keras.Sequential([keras.Input((6,)), layer(3, activation="softmax")])


def test_figures_of_other_validation_data_are_left_out(tmp_path):
    pipeline = Pipeline([TrainTeacher(training=ONCE)])
    (first,) = _run(pipeline, tmp_path).stages.values()
    assert {"loss", "val_loss"} <= first.history.keys()
    result = _run(pipeline, tmp_path, validation=TEST)
    assert _done(result) == []
    (other,) = result.stages.values()
    assert other.history == {
        name: figures
        for name, figures in first.history.items()
        if not name.startswith("val_")
    }
    (again,) = _run(pipeline, tmp_path).stages.values()
    assert again.history == first.history


def test_validation_data_that_end_a_training_are_among_its_inputs(tmp_path):
    training = Training(epochs=2, patience=1)
    pipeline = Pipeline([FineTune(training=training), _pruning()])
    _run(pipeline, tmp_path)
    assert _done(_run(pipeline, tmp_path)) == []
    result = _run(pipeline, tmp_path, validation=TEST)
    assert _done(result)[0] == "fine_tune"
    assert "val_loss" in result.stages["fine_tune"].history


@pytest.mark.parametrize(
    "layer", [pytest.param(_Known, marks=pytest.mark.slow), _Unknown]
)
def test_layers_of_the_user_come_back_from_files(tmp_path, layer):
    result = _run(Pipeline([TrainTeacher(training=ONCE)]), tmp_path, _with(layer))
    assert type(result.model.layers[0]) is layer


class _Forgetful(keras.layers.Layer):
    """A layer without a config: Keras cannot read it back."""

    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def call(self, inputs):
        return self.factor * inputs

    def get_config(self):
        return {"name": self.name}


def _forgetful():
    inputs = keras.Input((6,))
    return keras.Model(inputs, keras.layers.Dense(3)(_Forgetful(2)(inputs)))


FOUR = _build(classes=4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"stages": [Export(target="none.toml")]}, "TOML file that can be read"),
        ({"stages": [Export(scheme="int8", sparse=True)]}, "leave sparse out"),
        ({"stages": [Export(), Evaluate(metrics=("acuracy",))]}, "accuracy"),
        (
            {"stages": [FineTune(training=Training(epochs=1, optimizer="adamm"))]},
            "'Adam'",
        ),
        ({"stages": [FineTune(training=Training(epochs=1, loss="mze"))]}, "loss must"),
        (
            {"stages": [FineTune(training=Training(epochs=1, metrics=("akkuracy",)))]},
            "metric must be",
        ),
        (
            {"stages": [FineTune(distillation=Distillation(loss="regression"))]},
            "auto",
        ),
        (
            {"stages": [FineTune(distillation=Distillation(teacher="no.keras"))]},
            "no.keras",
        ),
        (
            {
                "stages": [
                    FineTune(distillation=Distillation(teacher=["original", FOUR]))
                ]
            },
            r"outputs of the model, of shapes \[\(3,\)\]",
        ),
        ({"stages": [Distil(student=FOUR)]}, "student of 'distil'"),
        ({"stages": [_pruning()], "needs": ("LSTM",)}, "with Dense, InputLayer"),
        ({"model": "model.keras"}, "must be a Keras 3 or tf_keras model"),
        ({"model": _forgetful()}, "save and load again"),
        ({"train": (TRAIN[0][:, :5], TRAIN[1])}, "x of train"),
        ({"train": (TRAIN[0], TRAIN[1] + 1)}, "from 0 to 2"),
        ({"train": (TRAIN[0][:20], TRAIN[1][:20])}, "32"),
        ({"validation": None}, "validation"),
        ({"test": (TEST[0], TEST[1] * np.nan)}, "test"),
        ({"strategy": "mirrored"}, "tf.distribute.Strategy"),
        ({"verbose": "auto"}, "verbose must be"),
        ({"directory": 3}, "directory must be"),
    ],
)
def test_bad_input_is_found_before_anything_is_written(tmp_path, options, message):
    stages = options.pop("stages", [_pruning(), TrainTeacher()])
    pipeline = Pipeline(stages, needs=options.pop("needs", ()))
    call = {
        "model": _build(),
        "train": TRAIN,
        "validation": VALIDATION,
        "directory": tmp_path / "run",
        **options,
    }
    with pytest.raises(TFCompressError, match=message) as caught:
        pipeline.run(**call)
    assert "Received: " in str(caught.value)
    assert list(tmp_path.iterdir()) == []


class _Stop(keras.callbacks.Callback):
    """Ends a run when an epoch of this number begins, in the so manyeth training."""

    def __init__(self, training=1, epoch=0):
        super().__init__()
        self._left = training
        self._epoch = epoch

    def on_train_begin(self, logs=None):
        self._left -= 1

    def on_epoch_begin(self, epoch, logs=None):
        if not self._left and epoch == self._epoch:
            raise RuntimeError("enough")


def test_stage_that_raises_leaves_the_ones_before_it(tmp_path):
    pipeline = Pipeline([_pruning(), FineTune(training=ONCE)])
    with pytest.raises(RuntimeError, match="enough"):
        _run(pipeline, tmp_path, callbacks=[_Stop()])
    assert sorted(each.name for each in tmp_path.glob("[!.]*")) == [
        "01-pruned",
        "run.json",
    ]
    assert _done(_run(pipeline, tmp_path)) == ["fine_tune"]


@pytest.mark.slow
@pytest.mark.parametrize("stop", [{"training": 1, "epoch": 2}, {"training": 2}])
def test_data_set_that_shuffles_by_a_seed_goes_on_where_it_was(tmp_path, stop):
    def data():
        rows = tf.data.Dataset.from_tensor_slices(TRAIN)
        return rows.shuffle(64, seed=3).batch(16)

    training = Training(epochs=3, learning_rate=0.01)
    pipeline = Pipeline([TrainTeacher(training=training), FineTune(training=training)])
    whole = _run(pipeline, tmp_path / "whole", train=data())
    with pytest.raises(RuntimeError, match="enough"):
        _run(pipeline, tmp_path / "run", train=data(), callbacks=[_Stop(**stop)])
    result = _run(pipeline, tmp_path / "run", train=data())
    assert _done(result) == ["train_teacher", "fine_tune"][stop["training"] - 1 :]
    for one, other in zip(
        whole.model.get_weights(), result.model.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(one, other)
    for name, stage in whole.stages.items():
        assert result.stages[name].history == stage.history


@pytest.mark.slow
def test_loss_goes_with_the_model_it_was_compiled_for(tmp_path):
    pipeline = Pipeline([_pruning(), FineTune(training=ONCE)])
    train = TRAIN[0], keras.utils.to_categorical(TRAIN[1], 3)
    options = {"train": train, "validation": train}
    plain = _run(pipeline, tmp_path, _build(), **options)
    compiled = _run(pipeline, tmp_path, _compiled(), **options)
    assert _done(compiled) == ["pruned", "fine_tune"]
    # Focal loss is cross-entropy times (1 - p)**2 and 0.25 at the most.
    losses = [r.stages["fine_tune"].history["loss"][0] for r in (plain, compiled)]
    assert losses[1] < losses[0] / 4


@pytest.mark.slow
def test_quantized_model_is_exported_with_the_ranges_it_was_trained_with(
    digits, either_keras, tmp_path
):
    either_keras.utils.set_random_seed(0)
    model = build_classifier(either_keras, activation="softmax")
    train, test = digits
    stages = [
        TrainTeacher(training=Training(epochs=6, learning_rate=3e-3)),
        Export(name="scheme", scheme="int8"),
        Joint(
            techniques=(
                PruneWeights(sparsity=0.5, training=None),
                Quantize(training=None),
            ),
            training=Training(epochs=2),
            distillation=Distillation(),
        ),
        Export(),
        Export(name="float", target="cpu_float32"),
        Evaluate(seconds=0.05),
    ]
    run = {"directory": tmp_path, "validation": test, "train": train}
    result = _run(Pipeline(stages), model=model, **run)
    assert (result.stages["joint"].path / "trained.keras").exists()
    assert result.artifacts["scheme"].target.name == "int8"
    assert not result.artifacts["export"].float_operations
    right = result.model.predict(test[0], verbose=0).argmax(-1) == test[1]
    assert right.mean() > 0.7
    accuracy = result.comparison["export"].quality["accuracy"]
    assert accuracy == pytest.approx(right.mean(), abs=0.03)
    assert result.comparison["export"].sparsity >= 0.4
    result.artifacts["export"].path.unlink()
    again = _run(Pipeline(stages), model=model, **run)
    assert _done(again) == ["export"]
    assert again.artifacts["export"].sha256 == result.artifacts["export"].sha256

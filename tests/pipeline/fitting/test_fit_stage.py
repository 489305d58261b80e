"""Stages train copies of models, and give back models like them."""

import keras
import numpy as np
import pytest
import tf_keras

from tfcompress.errors import ArgumentError, ModelError
from tfcompress.keras_compat import is_quantization_aware, output_activations
from tfcompress.keras_compat.quantized_graph import activation_ranges, rounded_layers
from tfcompress.keras_compat.settled_biases import settle_biases
from tfcompress.pipeline import (
    Distil,
    Distillation,
    FineTune,
    Joint,
    PruneChannels,
    PruneLayers,
    PruneWeights,
    Quantize,
    Training,
)
from tfcompress.pipeline.fitting import fit_stage

KERASES = {"keras": keras, "tf_keras": tf_keras}
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(64, 8)).astype("float32")
Y = X[:, :3].argmax(-1)
TRAINING = Training(epochs=2, learning_rate=0.01)


def build(library, activation="softmax", width=16):
    layers = library.layers
    return library.Sequential(
        [
            library.Input((8,)),
            layers.Dense(width, "relu"),
            layers.Dropout(0.2),
            layers.Dense(3, activation),
        ]
    )


def fit(stage, model, *, teacher=None, train=(X, Y), **settings):
    return fit_stage(
        stage,
        model,
        teacher=teacher,
        train=train,
        validation=train,
        seed=0,
        backup=None,
        **settings,
    )


def shares_of_zeros(model):
    return [float((w == 0).mean()) for w in model.get_weights() if w.ndim > 1]


@pytest.fixture(scope="module", params=KERASES)
def library(request):
    return KERASES[request.param]


# What takes seconds, for the Keras that most models are of; slowly for the other too.
MOSTLY_KERAS = pytest.mark.parametrize(
    "library",
    ["keras", pytest.param("tf_keras", marks=pytest.mark.slow)],
    indirect=True,
)


@pytest.fixture(scope="module")
def sparse(library):
    return fit(PruneWeights(sparsity=0.5, training=None), build(library)).model


def test_a_model_without_training_is_pruned_at_once(library, sparse):
    assert shares_of_zeros(sparse) == [0.5, 0.5]
    assert isinstance(sparse, library.Sequential)


def test_training_keeps_zeros_and_outputs_and_the_users_model(library, sparse):
    before = sparse.get_weights()

    fitted = fit(FineTune(training=TRAINING), sparse, keep_zeros=True)

    assert shares_of_zeros(fitted.model) == [0.5, 0.5]
    assert isinstance(fitted.model, library.Sequential)
    assert output_activations(fitted.model) == ("softmax",)
    assert len(fitted.history["loss"]) == len(fitted.history["val_accuracy"]) == 2
    assert fitted.trained is fitted.model
    assert all(map(np.array_equal, before, sparse.get_weights()))
    pairs = zip(before, fitted.model.get_weights(), strict=True)
    assert not all(np.array_equal(old, new) for old, new in pairs)


NARROW = [
    PruneChannels(ratio=0.3, round_to=4, training=Training(epochs=1)),
    PruneLayers(training=None),
    PruneWeights(ignored=("last",), training=None),
    pytest.param(
        Joint(
            techniques=(
                PruneLayers(training=None),
                PruneWeights(ignored=("last",), training=None),
                Quantize(training=None),
            ),
            training=Training(epochs=1),
        ),
        marks=pytest.mark.slow,
    ),
]


@pytest.mark.parametrize("stage", NARROW, ids=lambda stage: stage.kind)
def test_what_has_nothing_to_remove_stays_and_is_trained(stage):
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((8,)), layers.Dense(3, "softmax", name="last")]
    )
    with pytest.warns(UserWarning, match="leaves the model as it is"):
        fitted = fit(stage, model)

    assert "leaves the model as it is" in fitted.account
    assert fitted.model.count_params() == model.count_params()
    same = np.array_equal(fitted.model.get_weights()[0], model.get_weights()[0])
    assert same == (stage.training is None)


def test_a_budget_is_an_error_where_nothing_can_go():
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(3, "softmax")])
    with pytest.raises(ModelError, match="No channel of the model can be removed"):
        fit(PruneChannels(macs=0.5, training=None), model)


@pytest.mark.slow
def test_a_training_comes_out_the_same_again(library):
    model = build(library)
    first = fit(FineTune(training=TRAINING), model).model
    again = fit(FineTune(training=TRAINING), model).model
    for one, other in zip(first.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.mark.slow
def test_rounding_leaves_what_the_exporter_takes(library):
    taught = Distillation(temperature=2.0)
    model = build(library)

    fitted = fit(
        Quantize(training=TRAINING, distillation=taught), model, teacher=build(library)
    )

    assert is_quantization_aware(fitted.trained)
    assert isinstance(fitted.model, library.Sequential)
    sums = np.asarray(fitted.model(X)).sum(-1)
    np.testing.assert_allclose(sums, 1, atol=1e-5)
    assert "linear weights of 8 bits" in fitted.account
    assert "distillation_loss" in fitted.history


def test_pruning_and_rounding_in_one_fit_reach_the_sparsity():
    techniques = (
        PruneWeights(sparsity=0.75, layers={"last": None}, training=None),
        Quantize(training=None),
    )
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((8,)),
            layers.Dense(16, "relu"),
            layers.Dense(16, "relu"),
            layers.Dense(3, "softmax", name="last"),
        ]
    )

    stage = Joint(techniques=techniques, training=TRAINING, distillation=Distillation())
    fitted = fit(stage, model, teacher=build(keras))

    assert shares_of_zeros(fitted.model)[:2] == [0.75, 0.75]
    assert shares_of_zeros(fitted.model)[2] < 0.2
    assert is_quantization_aware(fitted.trained)
    assert isinstance(fitted.model, keras.Sequential)
    sums = np.asarray(fitted.model(X)).sum(-1)
    np.testing.assert_allclose(sums, 1, atol=1e-5)
    assert "linear weights of 8 bits" in fitted.account
    assert "distillation_loss" in fitted.history


def check_finished(aware):
    """All is rounded, ranges hold still, and biases stand where the file has them."""
    assert all(layer.rounds.numpy() for layer in rounded_layers(aware))
    assert not any(
        layer.quantizer_vars["moves"].numpy() for layer in activation_ranges(aware)
    )
    before = aware.get_weights()
    settle_biases(aware)
    for old, new in zip(before, aware.get_weights(), strict=True):
        np.testing.assert_allclose(old, new, rtol=0, atol=1e-8)


def test_best_weights_are_finished_too_with_patience():
    # The best epoch is the first, for the labels of the validation are others.
    training = Training(epochs=3, learning_rate=0.05, patience=1)
    fitted = fit_stage(
        Quantize(training=training),
        build(keras),
        train=(X, Y),
        validation=(X, (Y + 1) % 3),
        seed=0,
        backup=None,
    )
    losses = fitted.history["val_loss"]
    assert losses[0] < losses[-1]
    check_finished(fitted.trained)


def test_best_weights_are_finished_too_with_a_callback_of_the_user():
    stage = Joint(
        techniques=(
            PruneWeights(sparsity=0.5, training=None),
            Quantize(training=None),
        ),
        training=Training(epochs=3, learning_rate=0.05),
    )
    # The greatest loss is that of the first epoch, whose masks are half open.
    stopping = keras.callbacks.EarlyStopping(
        "loss", mode="max", patience=3, restore_best_weights=True
    )
    fitted = fit(stage, build(keras), callbacks=[stopping])
    assert stopping.best_epoch == 0
    assert len(fitted.history["loss"]) == 3
    check_finished(fitted.trained)
    assert min(shares_of_zeros(fitted.model)) >= 0.5


def test_channels_go_before_a_training_from_a_teacher():
    stage = PruneChannels(
        ratio=0.5, round_to=4, training=TRAINING, distillation=Distillation()
    )

    fitted = fit(stage, build(keras), teacher=build(keras))

    assert fitted.model.layers[0].units == 8
    assert output_activations(fitted.model) == ("softmax",)


def test_channels_that_go_without_training_leave_fitting_statistics():
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((8,)),
            layers.Dense(16, "relu"),
            layers.Dense(16),
            layers.BatchNormalization(),
            layers.Dense(3, "softmax"),
        ]
    )
    stage = PruneChannels(ratio=0.5, round_to=4, training=None)

    pruned = fit(stage, model).model

    norm = next(one for one in pruned.layers if hasattr(one, "moving_mean"))
    before = keras.Sequential([keras.Input((8,)), *pruned.layers[:2]])
    mean = np.asarray(before(X)).mean(0)
    np.testing.assert_allclose(norm.moving_mean.numpy(), mean, atol=1e-5)


def test_blocks_go_by_their_number():
    inputs = keras.Input((8,))
    x = inputs
    for number in range(3):
        branch = keras.layers.Dense(8, "relu")(x)
        x = keras.layers.Add(name=f"block{number}")([x, branch])
    model = keras.Model(inputs, keras.layers.Dense(3)(x))

    fitted = fit(PruneLayers(blocks=2, training=None), model)

    assert fitted.history == {}
    assert sum("block" in layer.name for layer in fitted.model.layers) == 1


@MOSTLY_KERAS
def test_several_outputs_learn_classes_and_numbers(library):
    def two():
        inputs = library.Input((8,), name="x")
        hidden = library.layers.Dense(8, "relu")(inputs)
        return library.Model(
            {"x": inputs},
            {
                "kind": library.layers.Dense(3, "softmax", name="kind")(hidden),
                "size": library.layers.Dense(1, name="size")(hidden),
            },
        )

    data = ({"x": X}, {"kind": Y, "size": X[:, :1]})

    fitted = fit(Distil(training=TRAINING), two(), teacher=two(), train=data)

    found = fitted.model({"x": X})
    np.testing.assert_allclose(np.asarray(found["kind"]).sum(-1), 1, atol=1e-5)
    assert found["size"].shape == (64, 1)


@pytest.mark.parametrize(
    ("stage", "epochs"),
    [
        (FineTune, 2),  # The first is the best.
        (PruneWeights, 5),  # The fourth is the first with all zeros.
    ],
)
def test_a_training_without_progress_ends(stage, epochs):
    still = Training(epochs=6, learning_rate=1e-30, patience=1)
    model = build(keras)

    fitted = fit(stage(training=still), model)

    assert len(fitted.history["val_loss"]) == epochs
    if stage is PruneWeights:
        assert shares_of_zeros(fitted.model) == pytest.approx([0.8, 0.8], abs=0.02)


def test_losses_and_metrics_by_name_are_those_of_the_outputs():
    training = Training(
        epochs=1, loss="kl_divergence", metrics=("categorical_accuracy",)
    )
    one_hot = np.eye(3)[Y]
    model = build(keras)

    fitted = fit(FineTune(training=training), model, train=(X, one_hot))

    assert "val_categorical_accuracy" in fitted.history
    probabilities = np.asarray(fitted.model(X))[np.arange(64), Y]
    # Of one-hot rows the divergence is minus the logarithm of the probability.
    expected = -np.log(probabilities).mean()
    assert fitted.history["val_loss"][0] == pytest.approx(expected, rel=1e-4)


def test_what_does_not_fit_is_told():
    numbers = Distil(training=TRAINING, distillation=Distillation(loss="decoupled"))
    regressor = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])

    with pytest.raises(ArgumentError, match="regression"):
        fit(numbers, regressor, teacher=regressor, train=(X, X[:, 0]))
    with pytest.raises(ModelError, match="built"):
        fit(FineTune(), keras.Sequential([keras.layers.Dense(3)]))
    metric = Training(epochs=1, metrics=("acuracy",))
    with pytest.raises(ArgumentError, match="[Aa]ccuracy"):
        fit(FineTune(training=metric), build(keras))

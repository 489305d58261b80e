"""Weights that a stage clusters share a few values, and go on sharing them."""

import keras
import numpy as np
import pytest

from tfcompress.pipeline import (
    ClusterWeights,
    Distillation,
    Export,
    Joint,
    Pipeline,
    PruneWeights,
    Quantize,
    Training,
)
from tfcompress.pipeline.fitting import fit_stage

X = np.random.default_rng(0).normal(size=(64, 8)).astype("float32")
Y = X[:, :3].argmax(-1)
ONCE = Training(epochs=1, learning_rate=0.01)


def build():
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((8,)),
            layers.Dense(16, "relu", name="hidden"),
            layers.Dense(3, "softmax", name="last"),
        ]
    )


def fit(stage, model):
    return fit_stage(stage, model, train=(X, Y), validation=(X, Y), seed=0, backup=None)


def kernel_of(model, name="hidden"):
    return np.asarray(model.get_layer(name).kernel)


@pytest.fixture(scope="module")
def clustered():
    sparse = fit(PruneWeights(sparsity=0.5, training=None), build()).model
    return sparse, fit(ClusterWeights(clusters=4, training=ONCE), sparse)


def test_weights_share_values_and_zeros_stay(clustered):
    sparse, clustered = clustered
    kernel = kernel_of(clustered.model)
    assert np.unique(kernel).size == 4
    assert np.array_equal(kernel == 0, kernel_of(sparse) == 0)
    assert kernel.tolist() != kernel_of(sparse).tolist()
    assert clustered.model.layers[-1].activation is keras.activations.softmax
    assert "changed hidden: kernels of 4 values" in clustered.account


@pytest.mark.slow
def test_rounding_keeps_values_and_zeros(clustered):
    kernel = kernel_of(clustered[1].model)
    rounded = fit(Quantize(training=ONCE), clustered[1].model).model
    assert np.unique(kernel_of(rounded)).size <= 4
    assert np.all(kernel_of(rounded)[kernel == 0] == 0)


def test_a_model_without_training_is_clustered_at_once():
    fitted = fit(ClusterWeights(clusters=4, training=None), build())
    assert np.unique(kernel_of(fitted.model)).size == 4


@pytest.mark.filterwarnings("ignore:cluster_weights leaves")
def test_where_no_kernel_is_large_enough_the_model_stays():
    model = build()
    fitted = fit(ClusterWeights(clusters=64, training=None), model)
    assert kernel_of(fitted.model).tolist() == kernel_of(model).tolist()
    assert "cluster_weights leaves the model as it is" in fitted.account


@pytest.mark.slow
def test_clustered_and_rounded_in_one_fit():
    parts = (ClusterWeights(clusters=4, training=None), Quantize(training=None))
    fitted = fit(Joint(techniques=parts, training=ONCE), build())
    assert np.unique(kernel_of(fitted.model)).size <= 4


@pytest.mark.slow
def test_digits_to_a_file_of_few_values(teacher, digits, tmp_path):
    from ai_edge_litert.interpreter import Interpreter

    from tfcompress.measurement import evaluate

    train, test = digits
    taught = {
        "training": Training(epochs=3, learning_rate=1e-3),
        "distillation": Distillation(),
    }
    stages = [
        PruneWeights(sparsity=0.5, **taught),
        ClusterWeights(clusters=16, **taught),
        Quantize(**taught),
        Export(target="cpu_int8"),
    ]
    result = Pipeline(stages, name="digits").run(
        teacher, train, test, directory=tmp_path / "run", verbose=0
    )
    before = float((teacher.predict(test[0], verbose=0).argmax(-1) == test[1]).mean())
    assert evaluate(result.artifact, test).accuracy >= before - 0.03

    interpreter = Interpreter(str(result.artifact.path))
    interpreter.allocate_tensors()
    sizes = []
    for tensor in interpreter.get_tensor_details():
        parameters = tensor["quantization_parameters"]
        if tensor["dtype"] == np.int8 and len(parameters["scales"]) > 1:
            values = interpreter.get_tensor(tensor["index"])
            assert (values == 0).mean() >= 0.5
            sizes.append(np.unique(values).size)
    assert len(sizes) == 3
    assert max(sizes) <= 16

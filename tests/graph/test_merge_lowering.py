import numpy as np
import pytest

from tests.graph.lowering import kinds, lowered_graph
from tfcompress import keras_compat
from tfcompress.graph import lower_merges


def merging(module, kind, count):
    inputs = [module.Input((4, 3)) for _ in range(count)]
    merged = getattr(module.layers, kind)(name="merged")(inputs)
    return module.Model(inputs, merged)


@pytest.mark.parametrize("count", [2, 3])
def test_mean_is_a_sum_and_a_factor(either_keras, count):
    model = merging(either_keras, "Average", count)
    graph, difference = lowered_graph(model, lower_merges)
    assert difference < 1e-6
    sums = ["Add"] * (count - 1)
    assert kinds(graph) == [*["InputLayer"] * count, *sums, "Rescaling"]
    assert graph.layers["merged"].config["scale"] == 1 / count


@pytest.mark.parametrize(("kind", "part"), [("Add", "sum"), ("Multiply", "product")])
def test_four_tensors_are_merged_in_pairs(either_keras, kind, part):
    graph, difference = lowered_graph(merging(either_keras, kind, 4), lower_merges)
    assert difference < 1e-6
    names = [node.name for node in graph.nodes[4:]]
    assert names == [f"merged_{part}", f"merged_{part}_1", "merged"]
    assert all(len(node.inputs()) == 2 for node in graph.nodes[4:])


@pytest.mark.parametrize(
    ("kind", "count"), [("Add", 2), ("Multiply", 2), ("Maximum", 3)]
)
def test_what_tflite_computes_stays(either_keras, kind, count):
    graph = keras_compat.read(merging(either_keras, kind, count))
    assert lower_merges(graph) == graph


def test_shared_layer(either_keras):
    layers = either_keras.layers
    first, second = (either_keras.Input((4,)) for _ in range(2))
    mean = layers.Average(name="mean")
    outputs = mean([mean([first, second]), layers.ReLU()(first)])
    model = either_keras.Model([first, second], outputs)
    graph, difference = lowered_graph(model, lower_merges)
    assert difference < 1e-6
    assert len(graph.calls(graph.layers["mean_sum"])) == 2


def test_the_same_tensor_twice(either_keras):
    inputs = either_keras.Input((4,))
    merged = either_keras.layers.Add(name="merged")([inputs, inputs, inputs])
    model = either_keras.Model(inputs, merged)
    graph, difference = lowered_graph(model, lower_merges)
    assert difference < 1e-6
    triple = keras_compat.build(graph, keras="keras")(np.float32([[1, 2, 3, 4]]))
    assert np.asarray(triple).tolist() == [[3, 6, 9, 12]]


def test_means_of_masked_tensors_stay(either_keras):
    layers = either_keras.layers
    inputs = either_keras.Input((4, 3))
    x = layers.Masking()(inputs)
    model = either_keras.Model(inputs, layers.Average()([x, layers.ReLU()(x)]))
    graph = keras_compat.read(model)
    assert lower_merges(graph) == graph

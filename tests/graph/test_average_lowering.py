import pytest

from tests.graph.lowering import kinds, lowered_graph
from tfcompress import keras_compat
from tfcompress.graph import lower_averages


def averaging(module, count, shape=(4, 3)):
    inputs = [module.Input(shape) for _ in range(count)]
    average = module.layers.Average(name="mean")
    return module.Model(inputs, average(inputs))


@pytest.mark.parametrize("count", [2, 3])
def test_mean_is_a_sum_and_a_factor(either_keras, count):
    graph, difference = lowered_graph(averaging(either_keras, count), lower_averages)
    assert difference < 1e-6
    assert kinds(graph) == [*["InputLayer"] * count, "Add", "Rescaling"]
    assert graph.layers["mean"].config["scale"] == 1 / count
    assert [node.name for node in graph.nodes[-2:]] == ["mean_sum", "mean"]


def test_shared_layer(either_keras):
    layers = either_keras.layers
    first, second = (either_keras.Input((4,)) for _ in range(2))
    mean = layers.Average(name="mean")
    outputs = mean([mean([first, second]), layers.ReLU()(first)])
    model = either_keras.Model([first, second], outputs)
    graph, difference = lowered_graph(model, lower_averages)
    assert difference < 1e-6
    assert len(graph.calls(graph.layers["mean_sum"])) == 2


def test_shapes_that_broadcast(either_keras):
    inputs = [either_keras.Input(shape) for shape in ((4, 3), (1, 3))]
    model = either_keras.Model(inputs, either_keras.layers.Average()(inputs))
    _, difference = lowered_graph(model, lower_averages)
    assert difference < 1e-6


def test_means_of_masked_tensors_stay(either_keras):
    layers = either_keras.layers
    inputs = either_keras.Input((4, 3))
    x = layers.Masking()(inputs)
    model = either_keras.Model(inputs, layers.Average()([x, layers.ReLU()(x)]))
    graph = keras_compat.read(model)
    assert lower_averages(graph) == graph

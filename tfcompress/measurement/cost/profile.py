"""What a model costs: weights, products, memory and energy."""

from typing import Any

from tfcompress import keras_compat
from tfcompress.graph import Graph, flatten_models
from tfcompress.measurement.cost.file_profile import profile_file
from tfcompress.measurement.cost.graph_profile import profile_graph
from tfcompress.measurement.cost.profile_result import Profile
from tfcompress.measurement.files.subject import path_of


def profile(model_or_file: Any) -> Profile:
    """Counts what a model costs, layer by layer, without running it.

    Parameters and zeros are those of `count_weights`; multiply-adds those of `summary`
    and of `count_operation_multiply_adds`. Those without zero weights are what hardware
    would do that skips zeros. Values and entropy are those of kernels: what clustering
    and quantization leave of them, and what compression can make of that.

    The activation peak is the largest set of tensors alive at once in the order of
    computation: what a layer takes and gives, and what a later layer still needs,
    with a place for each tensor. What a file computes in one operation may be several
    layers in the model, so its peak is lower.

    Energy is an estimate for comparing models, from the table of M. Horowitz,
    Computing's Energy Problem, ISSCC 2014, https://doi.org/10.1109/ISSCC.2014.6757323,
    for 45 nm, in picojoules: multiplication 3.7 in float32, 1.1 in float16, 0.2 in
    int8; addition 0.9 in float32, 0.4 in float16, 0.1 in int32, in which int8
    products are summed; 64 bits from 1 MB of SRAM 100, from DRAM 1,300. Each weight is
    read once from DRAM, each layer reads its inputs from SRAM and writes its outputs
    there, and products with zeros are computed too.

    Masks and ranges that a technique keeps beside the weights count as well, so
    finalize the model first.

    Args:
        model_or_file: A built functional or Sequential model of Keras 3 or tf_keras, a
            `Graph`, or the path of a `.tflite` file. All figures are for one sample;
            sizes that are not fixed count as 1.

    Returns:
        The `Profile`.

    Raises:
        ModelError: If the model is subclassed or not built, or if the file is missing
            or damaged.
        ArgumentError: If it is none of these.

    Example:
    ```python
    import keras
    import tfcompress as tfc

    layers = [keras.Input((4,)), keras.layers.Dense(3, name="scores")]
    result = tfc.measurement.profile(keras.Sequential(layers))
    print(result)
    print(result.activation_peak, result.energy.total)
    ```
    """
    if isinstance(model_or_file, Graph):
        return profile_graph(_with_shapes(flatten_models(model_or_file)))
    path = path_of(model_or_file)
    if path is not None:
        return profile_file(path)
    return profile_graph(keras_compat.read_flat(model_or_file))


def _with_shapes(graph: Graph) -> Graph:
    if all(node.outputs for node in graph.nodes):
        return graph
    return keras_compat.read(keras_compat.build(graph, keras="keras"))

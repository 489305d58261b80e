"""Cross-layer equalization of a Keras model."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfcompress import keras_compat
from tfcompress.graph import (
    ChannelPair,
    Graph,
    Tensor,
    absorb_biases,
    equalize_channels,
    find_pairs,
    replace_relu6,
)
from tfcompress.quantization.folded_reading import read_folded
from tfcompress.quantization.layer_outputs import LayerOutputs, read_inputs
from tfcompress.technique import Account


def equalize(
    model: Any,
    *,
    relu6_to_relu: bool = False,
    data: Any = None,
    samples: int = 256,
) -> Any:
    """Returns a model that computes the same with channels of like size.

    Where the channels of a layer differ much in size, one scale for all of them leaves
    the small ones few values: in the weights of a file with one scale for each tensor,
    and in the activations of every integer file. What one layer makes smaller, the
    layer behind it can make up for, if what lies between, such as a ReLU, is positively
    homogeneous. Nagel et al., "Data-Free Quantization Through Weight Equalization and
    Bias Correction", 2019, https://arxiv.org/abs/1906.04721.

    Batch normalization is folded first. Then each convolution (depthwise, transposed
    and in groups too) or Dense layer whose channels go to one other such layer and
    nowhere else is equalized with it; `find_equalizable` says which these are and why
    others are not.

    Args:
        model: A built functional or Sequential model of either Keras. It is not
            changed. Models inside it are dissolved into their layers, separable
            convolutions become two layers, dropout and the like stay.
        relu6_to_relu: Whether each ReLU6 is to become a ReLU, so that layers before it
            can be equalized. The model then computes something else where its
            activations are above 6. Defaults to False.
        data: Inputs, in a form that `tfcompress.data.batches` accepts. If there are
            any, what a channel has at the least on them moves from the bias of the
            layer that makes it into that of the layer behind, where no padding forbids
            it, and the channel needs a smaller range. The model computes the same on
            this data, and on other data where no channel goes below. Defaults to
            None: biases stay where they are.
        samples: How many samples of `data` to use at the most.

    Returns:
        A model of the same Keras with weights of its own, not compiled.

    Raises:
        ModelError: If the model is subclassed, not built or not finite, still being
            pruned, or quantization-aware.
        DataError: If there is data and it is empty, not finite or does not fit.
        ArgumentError: If `samples` is not a whole number of 1 or more.

    Example:
    ```python
    equalized = tfc.quantization.equalize(model)
    tfc.export.to_tflite(
        equalized, "small.tflite", target="cpu_int8", representative_data=x
    )
    ```
    """
    graph = _read(model, relu6_to_relu)
    keras = keras_compat.origin_of(model)
    pairs, _ = find_pairs(graph)
    graph = equalize_channels(graph, pairs)
    if data is not None:
        inputs = read_inputs(model, data, samples=samples)
        unpadded = [pair for pair in pairs if not pair.padded]
        graph = absorb_biases(graph, unpadded, _least(graph, keras, unpadded, inputs))
    return keras_compat.build(graph, keras=keras, trusted=True)


def find_equalizable(model: Any, *, relu6_to_relu: bool = False) -> Account:
    """Returns which layers `equalize` equalizes, and why it leaves others.

    Args:
        model: A built functional or Sequential model of either Keras.
        relu6_to_relu: As in `equalize`.

    Returns:
        An account: `applied` names the layers whose channels are equalized and `notes`
        the layers they are equalized with; `skipped` gives for each other convolution
        or Dense layer the reason why its channels are not.

    Raises:
        ModelError: As `equalize` does.

    Example:
    ```python
    print(tfc.quantization.find_equalizable(model))
    ```
    """
    pairs, reasons = find_pairs(_read(model, relu6_to_relu))
    notes = {pair.producer: f"equalized with {pair.consumer!r}" for pair in pairs}
    return Account(tuple(notes), reasons, notes)


def _read(model: Any, relu6_to_relu: bool) -> Graph:
    graph = read_folded(model)
    return replace_relu6(graph) if relu6_to_relu else graph


def _least(
    graph: Graph, keras: str, pairs: Sequence[ChannelPair], inputs: Sequence[Any]
) -> dict[str, np.ndarray]:
    """Returns what each channel of the producers has at the least, but 0 or more."""
    tensors = [Tensor(pair.producer) for pair in pairs]
    outputs = LayerOutputs(graph, tensors, keras)
    found = {}
    for tensor in tensors:
        least = [
            values.reshape(-1, values.shape[-1]).min(axis=0)
            for values in outputs.run(tensor, inputs)
        ]
        found[tensor.node] = np.min(least, axis=0).clip(min=0.0)
    return found

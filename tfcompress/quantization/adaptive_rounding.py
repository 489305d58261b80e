"""AdaRound: weights rounded up or down as their layer's outputs need it."""

from collections.abc import Iterator, Sequence
from numbers import Integral
from typing import Any

import numpy as np

from tfcompress import keras_compat
from tfcompress.errors import ArgumentError, ModelError
from tfcompress.graph import (
    Graph,
    Layer,
    Node,
    Tensor,
    cast_to_float32,
    fuse_activations,
)
from tfcompress.graph.bias import read_bias
from tfcompress.graph.grouped_kernel import read_grouped
from tfcompress.graph.rewiring import with_layers
from tfcompress.quantization.folded_reading import match_layers, read_folded
from tfcompress.quantization.kernel_grid import check_bits, output_axes, round_kernel
from tfcompress.quantization.kernel_rows import (
    KINDS,
    count_rows,
    kernel_matrix,
    sample_rows,
    write_matrix,
)
from tfcompress.quantization.layer_outputs import LayerOutputs, read_inputs
from tfcompress.quantization.roundable_layers import find_roundable
from tfcompress.quantization.rounding_optimization import LayerSamples, learn_rounding

ROWS = 8192  # Places of its input that a layer is taught on, at the most.


def adapt_rounding(
    model: Any,
    data: Any,
    *,
    bits: int = 8,
    steps: int = 1000,
    layers: Sequence[str] | None = None,
    samples: int = 512,
    seed: int = 0,
) -> Any:
    """Returns a model whose weights are rounded so that its layers give what they gave.

    The nearest value is not the best for a weight: errors of the weights of a layer add
    up in its output, and some are better rounded the other way. Here each weight learns
    whether to go up or down, layer by layer, so that what the layer gives behind the
    rounded layers before it comes as close as can be to what it gave in the float
    model. Nagel et al., "Up or Down? Adaptive Rounding for Post-Training Quantization",
    2020, https://arxiv.org/abs/2004.10568. It pays at 4 bits and below; at 8 bits there
    is little to gain. The error of a layer is measured in that of nearest rounding,
    and no output of it is worse on the data than with nearest rounding.

    Batch normalization is folded first. The weights that come out lie on the grid of
    a file: symmetric, a scale for each output channel, whose largest weight stays where
    it was. So post-training quantization to the same bits, with a scale for each
    channel, finds the same scale and takes these weights as they are.

    Concerned are Dense, Conv1D, Conv2D, Conv3D and depthwise convolutions; other
    weights, of transposed convolutions for one, stay as they are. A layer that is
    called several times learns from all its calls.

    Args:
        model: A built functional or Sequential model of either Keras. It is not
            changed. Models inside it are dissolved into their layers, and separable
            convolutions become two layers.
        data: Inputs like those of the application, in a form that
            `tfcompress.data.batches` accepts; labels in it are not used.
        bits: Bits of the weights in the file, from 2 to 8. Defaults to 8.
        steps: Steps of training for each layer. Defaults to 1000; 10000 are those of
            the paper.
        layers: Names of the layers to round, or patterns of them such as
            `"block1_*"`. Defaults to all.
        samples: How many samples of `data` to use at the most. Defaults to 512.
        seed: Of the choice of rows. Defaults to 0.

    Returns:
        A model of the same Keras with weights of its own, not compiled.

    Raises:
        ModelError: If the model is subclassed, not built or not finite, still being
            pruned, or quantization-aware, or has no such layer.
        DataError: If the data is empty, not finite or does not fit the model.
        ArgumentError: If `bits` is not from 2 to 8, `steps` or `samples` not a whole
            number of 1 or more, or a name in `layers` matches nothing.

    Example:
    ```python
    rounded = tfc.quantization.adapt_rounding(model, x, bits=4, steps=100)
    ```
    """
    check_bits(bits)
    _check_whole(steps, "steps", least=1)
    _check_whole(seed, "seed", least=0)
    graph = read_folded(model)
    known = [n for n in find_roundable(graph) if graph.layers[n].kind in KINDS]
    if not known:
        raise ModelError(
            "The model has no layer whose rounding can be learned; these are "
            f"{sorted(KINDS)}. Received: model {model.name!r}"
        )
    chosen = match_layers(layers, known, "layers whose rounding can be learned")
    inputs = read_inputs(model, data, samples=samples)
    keras = keras_compat.origin_of(model)
    learning = _Learning(graph, chosen, bits, inputs, keras)
    learned = [learning.round(name, steps=steps, seed=seed) for name in chosen]
    kernels = {layer.name: layer.weight("kernel") for layer in learned}
    layers_of = [
        graph.layers[name].with_weights(
            {"kernel": value.astype(graph.layers[name].weight("kernel").dtype)}
        )
        for name, value in kernels.items()
    ]
    return keras_compat.build(with_layers(graph, layers_of), keras=keras, trusted=True)


class _Learning:
    """Rounds the layers of a model one after the other.

    Args:
        graph: The float model.
        names: The layers to round.
        bits: Bits of their weights.
        inputs: Batches of inputs of the model.
        keras: `"keras"` or `"tf_keras"`, where the model is built.
    """

    def __init__(
        self,
        graph: Graph,
        names: Sequence[str],
        bits: int,
        inputs: Sequence[Any],
        keras: str,
    ) -> None:
        self.graph = fuse_activations(cast_to_float32(graph))
        self.bits = bits
        self.inputs = inputs
        calls = [node for name in names for node in self.graph.calls(name)]
        wanted = [t for node in calls for t in (node.inputs()[0], Tensor(node.name))]
        nearest = [_nearest(self.graph.layers[name], bits) for name in names]
        self.exact = LayerOutputs(self.graph, wanted, keras)
        self.coarse = LayerOutputs(with_layers(self.graph, nearest), wanted, keras)

    def round(self, name: str, *, steps: int, seed: int) -> Layer:
        """Returns a layer with learned rounding, which the next ones then count on."""
        layer = self.graph.layers[name]
        pairs = list(self.rows(layer, np.random.default_rng(seed)))
        exact, coarse = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
        matrix = kernel_matrix(layer)
        _, _, groups, outputs = read_grouped(layer).shape
        samples = LayerSamples(
            rows=coarse,
            targets=np.einsum("ngk,gko->ngo", exact, matrix, optimize=True),
            bias=read_bias(layer).reshape(groups, outputs),
            activation=layer.config.get("activation") or "linear",
        )
        rounded = learn_rounding(
            matrix, samples, bits=self.bits, steps=steps, seed=seed
        )
        layer = write_matrix(layer, rounded)
        self.coarse.write(layer)
        return layer

    def rows(
        self, layer: Layer, random: np.random.Generator
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yields rows of what a layer takes in, in the float and the rounded model."""
        calls = self.graph.calls(layer)
        share = -(-ROWS // (len(calls) * len(self.inputs)))
        for node in calls:
            for exact, coarse in self.taken(node):
                count = count_rows(layer, exact.shape)
                chosen = random.permutation(count)[:share]
                yield (
                    sample_rows(layer, exact, chosen),
                    sample_rows(layer, coarse, chosen),
                )

    def taken(self, node: Node) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yields what a call takes in, in the float and the rounded model."""
        tensor = node.inputs()[0]
        return zip(
            self.exact.run(tensor, self.inputs),
            self.coarse.run(tensor, self.inputs),
            strict=True,
        )


def _nearest(layer: Layer, bits: int) -> Layer:
    kernel = layer.weight("kernel")
    axes = output_axes(layer.kind, kernel.ndim)
    return layer.with_weights({"kernel": round_kernel(kernel, bits, axes)})


def _check_whole(number: int, name: str, *, least: int) -> None:
    whole = isinstance(number, Integral) and not isinstance(number, bool)
    if not whole or number < least:
        raise ArgumentError(
            f"{name} must be a whole number of {least} or more. "
            f"Received: {name}={number!r}"
        )

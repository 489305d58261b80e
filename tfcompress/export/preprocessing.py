"""Preprocessing inside a model, and what an app does in its place."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tfcompress import keras_compat
from tfcompress.errors import ModelError
from tfcompress.graph import Graph, Layer, Node, Tensor, cut, rename_layers
from tfcompress.graph.graph import map_tensors, tensors

# What Normalization divides by at the least.
_EPSILON = 1e-7


@dataclasses.dataclass(frozen=True)
class PreprocessingStep:
    """What one layer did to an input, before the rest of the model saw it.

    Attributes:
        input: Name of the input.
        layer: Name of the layer.
        kind: Its class, such as `"Rescaling"`.
        settings: The numbers that the app needs: `scale` and `offset` of Rescaling,
            `mean` and `variance` of Normalization, `height` and `width` of Resizing and
            CenterCrop, and `interpolation` of Resizing.
    """

    input: str
    layer: str
    kind: str
    settings: Mapping[str, Any]

    def __str__(self) -> str:
        told = ", ".join(f"{key}={value}" for key, value in self.settings.items())
        return f"{self.input}: {self.kind}({told})"


@dataclasses.dataclass(frozen=True)
class Preprocessing:
    """What an app must do to the inputs of a model, in order.

    Attributes:
        steps: Each step, with its numbers.
    """

    steps: tuple[PreprocessingStep, ...]

    def normalization(
        self, name: str | None = None
    ) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
        """Puts all scaling of an input into one mean and one standard deviation.

        Args:
            name: The input. Defaults to the first that has a step.

        Returns:
            `(mean, standard_deviation)` as `write_metadata` takes them, so that the
            steps amount to `(x - mean) / standard_deviation`, each of one number or of
            one for each channel. None where the input is not scaled, or where that
            cannot be written so, as with a negative scale.
        """
        if not self.steps:
            return None
        name = self.steps[0].input if name is None else name
        factors = [_factors(step) for step in self.steps if step.input == name]
        scaling = [each for each in factors if each is not None]
        scale, offset = np.ones(()), np.zeros(())
        for factor, shift in scaling:
            scale, offset = scale * factor, offset * factor + shift
        if not scaling or (scale <= 0).any():
            return None
        scale, offset = np.broadcast_arrays(scale, offset)
        mean, deviation = (
            np.atleast_1d(0.0 - offset / scale),
            np.atleast_1d(1.0 / scale),
        )
        return tuple(mean.tolist()), tuple(deviation.tolist())

    def __str__(self) -> str:
        return "\n".join(map(str, self.steps))


def without_preprocessing(model: Any) -> tuple[Any, Preprocessing]:
    """Takes the layers off a model's inputs that an app can do the work of.

    By default a file holds them, and takes raw data: the app has nothing to do. Left
    out, they cost no time in the file, and an int8 input is read straight from a
    camera; but the app must do exactly the same. Taken off are Rescaling,
    Normalization, CenterCrop, Resizing and augmentation, as far as they stand at an
    input and nothing else takes the same data.

    Args:
        model: A built functional or Sequential model of either Keras. It is not
            changed.

    Returns:
        A model of the same Keras without these layers, whose inputs have the same
        names, and the `Preprocessing` that was taken off.

    Raises:
        ModelError: If the model is subclassed or unbuilt, or does nothing else.

    Example:
    ```python
    bare, preprocessing = tfc.export.without_preprocessing(model)
    artifact = tfc.export.to_tflite(bare, "bare.tflite", target="cpu_float32")
    tfc.export.write_metadata(artifact, normalization=preprocessing.normalization())
    print(preprocessing)
    ```
    """
    keras_compat.check_model(model)
    graph = keras_compat.read_flat(model)
    steps: list[PreprocessingStep] = []
    starts: dict[Tensor, Tensor] = {}
    for tensor in tensors(graph.inputs):
        start = tensor
        while (node := _next(graph, start)) is not None:
            steps += _describe(graph.layer_of(node), tensor.node)
            start = Tensor(node.name)
        starts[tensor] = start
    if all(tensor in starts.values() for tensor in tensors(graph.outputs)):
        raise ModelError(
            "The model does nothing but preprocessing, and nothing would be left. "
            f"Received: model {model.name!r}"
        )
    if all(tensor == start for tensor, start in starts.items()):
        return model, Preprocessing(())
    inputs = map_tensors(starts.__getitem__, graph.inputs)
    part = cut(graph, inputs, graph.outputs, name=graph.name)
    given = [tensor.node for tensor in tensors(part.inputs)]
    part = rename_layers(
        part, dict(zip(given, [tensor.node for tensor in starts], strict=True))
    )
    keras = "tf_keras" if keras_compat.is_tf_keras(model) else "keras"
    return keras_compat.build(part, keras=keras, trusted=True), Preprocessing(
        tuple(steps)
    )


def _next(graph: Graph, start: Tensor) -> Node | None:
    """Returns the only call that takes a tensor, if it can be taken off."""
    takers = graph.consumers(start.node)
    if len(takers) != 1 or graph.is_output(start.node):
        return None
    (node,) = takers
    layer = graph.layer_of(node)
    if node.arguments != (start,) or not node.outputs:
        return None
    return node if layer.kind in _SETTINGS and _can_be_told(layer, node) else None


def _can_be_told(layer: Layer, node: Node) -> bool:
    """Returns whether what a layer does can be said in `settings`."""
    config = layer.config
    if layer.kind == "Normalization":
        last = len(node.outputs[0].shape) - 1
        axis = config.get("axis")
        axes = [axis] if isinstance(axis, int) else list(axis or [])
        return not config.get("invert") and axes in ([], [-1], [last])
    return config.get("data_format", "channels_last") == "channels_last"


def _describe(layer: Layer, name: str) -> list[PreprocessingStep]:
    """Returns what a layer does; nothing for one that works in training alone."""
    settings = _SETTINGS[layer.kind](layer)
    if not settings:
        return []
    return [PreprocessingStep(name, layer.name, layer.kind, settings)]


def _normalization(layer: Layer) -> dict[str, Any]:
    weights = {weight.path: weight.value for weight in layer.weights}
    found = {**layer.config, **weights}
    return {key: _plain(found[key]) for key in ("mean", "variance")}


def _rescaling(layer: Layer) -> dict[str, Any]:
    return {key: _plain(layer.config[key]) for key in ("scale", "offset")}


def _size(layer: Layer) -> dict[str, Any]:
    keys = (
        "height",
        "width",
        "interpolation",
        "crop_to_aspect_ratio",
        "pad_to_aspect_ratio",
    )
    return {key: layer.config[key] for key in keys if key in layer.config}


def _nothing(layer: Layer) -> dict[str, Any]:
    return {}


def _plain(value: Any) -> Any:
    """Returns a number, or a list of them for several channels."""
    array = np.asarray(value, np.float64).reshape(-1)
    return array.tolist() if array.size > 1 else float(array[0])


_SETTINGS: dict[str, Callable[[Layer], dict[str, Any]]] = {
    "Rescaling": _rescaling,
    "Normalization": _normalization,
    "Resizing": _size,
    "CenterCrop": _size,
    "GaussianNoise": _nothing,
    "RandomBrightness": _nothing,
    "RandomContrast": _nothing,
    "RandomFlip": _nothing,
    "RandomRotation": _nothing,
    "RandomTranslation": _nothing,
    "RandomZoom": _nothing,
}


def _factors(step: PreprocessingStep) -> tuple[np.ndarray, np.ndarray] | None:
    """Returns scale and offset of a step that scales, or None for another."""
    numbers = {
        key: np.asarray(value, np.float64)
        for key, value in step.settings.items()
        if key in ("scale", "offset", "mean", "variance")
    }
    if step.kind == "Rescaling":
        return numbers["scale"], numbers["offset"]
    if step.kind == "Normalization":
        deviation = np.maximum(np.sqrt(numbers["variance"]), _EPSILON)
        return 1.0 / deviation, -numbers["mean"] / deviation
    return None

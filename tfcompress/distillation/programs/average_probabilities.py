"""Several classifiers as one."""

from collections.abc import Sequence
from typing import Any

from tfcompress import keras_compat
from tfcompress.errors import ArgumentError, ModelError


def average_probabilities(models: Sequence[Any], *, name: str = "ensemble") -> Any:
    """Returns a model that averages the probabilities of several classifiers.

    Args:
        models: Built classifiers of one Keras, with one output each of the same shape
            `(batch, ..., classes)`, in logits or probabilities; of a single column the
            sigmoid is taken. They are shared, not copied.
        name: Name of the model. Defaults to `"ensemble"`.

    Returns:
        A functional model of stock layers in their Keras, that takes what the first one
        takes and gives probabilities.

    Raises:
        ArgumentError: If there are no models.
        ModelError: If they belong to both Kerases, or their outputs differ.

    Example:
    ```python
    from tfcompress.distillation.programs import average_probabilities

    ensemble = average_probabilities([student, other])
    probabilities = ensemble.predict(x)
    ```
    """
    if not models:
        raise ArgumentError("models must hold one model at least. Received: models=[]")
    for model in models:
        keras_compat.check_model(model)
    library = keras_compat.keras_of(models[0])
    shapes = [[tuple(output.shape) for output in model.outputs] for model in models]
    if any(keras_compat.keras_of(model) is not library for model in models):
        raise ModelError(
            "The models must belong to one Keras; take those of the other out. "
            f"Received: models={list(models)!r}"
        )
    if len(shapes[0]) != 1 or any(shape != shapes[0] for shape in shapes):
        raise ModelError(
            "The models must have one output each, of the same shape. "
            f"Received: outputs of shapes {shapes}"
        )
    inputs, _ = _ends(models[0])
    layers = library.layers
    probabilities = []
    for index, model in enumerate(models):
        # A model of the same layers, under a name of its own.
        member = library.Model(*_ends(model), name=f"member_{index}")
        (output,) = keras_compat.flatten(member(inputs))
        if keras_compat.output_activations(model)[0] not in ("softmax", "sigmoid"):
            single = output.shape[-1] == 1
            kind = "sigmoid" if single else "softmax"
            output = layers.Activation(kind, dtype="float32")(output)
        probabilities.append(output)
    whole = probabilities[0]
    if len(probabilities) > 1:
        whole = layers.Average(dtype="float32")(probabilities)
    return library.Model(inputs, whole, name=name)


def _ends(model: Any) -> tuple[Any, Any]:
    """Returns symbolic inputs and outputs in the structure that the model takes."""
    if isinstance(model, keras_compat.keras_of(model).Sequential):
        return model.inputs[0], model.outputs[0]
    return model.input, model.output

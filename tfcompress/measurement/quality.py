"""How well a classifier does its job."""

import dataclasses
from typing import Any

from sklearn.metrics import accuracy_score, f1_score, recall_score

from tfcompress.errors import DataError
from tfcompress.measurement.prediction import Predictions, predict


@dataclasses.dataclass(frozen=True)
class Quality:
    """Quality of a classifier on one data set.

    Attributes:
        accuracy: Share of samples whose class is right, 0 to 1.
        macro_recall: Mean over classes of the share of a class that is found.
        macro_f1: Mean over classes of F1, the harmonic mean of precision and recall.
        samples: Number of samples.
    """

    accuracy: float
    macro_recall: float
    macro_f1: float
    samples: int


def evaluate(
    model_or_file: Any, data: Any, *, batch_size: int = 256, threads: int = 1
) -> Quality:
    """Measures a classifier on labelled data.

    A `.tflite` file is run on LiteRT, so the numbers are those of what ships.

    Args:
        model_or_file: A built Keras 3 or tf_keras model with one output, or the path
            of a `.tflite` file.
        data: Inputs and labels, in a form that `tfcompress.data.batches` accepts.
            Labels are class numbers of shape `(samples,)` or `(samples, 1)`, or
            one-hot. One output means two classes; see `Predictions.classes` for the
            threshold.
        batch_size: Samples in a batch, where `data` holds whole arrays.
        threads: Threads for a `.tflite` file.

    Returns:
        The `Quality`.

    Raises:
        DataError: If data is empty, has no labels, or does not fit the model.
        ModelError: If the model or file cannot be used.

    Example:
    ```python
    quality = tfc.measurement.evaluate("small.tflite", (images, labels))
    print(quality.accuracy)
    ```
    """
    predictions = predict(model_or_file, data, batch_size=batch_size, threads=threads)
    return score(predictions)


def score(predictions: Predictions) -> Quality:
    """Computes the quality of predictions that are there already.

    Macro means run over the classes that occur in the labels, so that all models are
    measured on the same classes. A class that is never predicted has an F1 of 0.

    Args:
        predictions: What `predict` returned.

    Returns:
        The `Quality`.

    Raises:
        DataError: If there are no labels.
    """
    labels = predictions.labels
    if labels is None:
        raise DataError(
            "Labels are needed to measure quality; pass (x, y). Received: x alone"
        )
    chosen = predictions.classes
    average = {"labels": sorted(set(labels.tolist())), "average": "macro"}
    return Quality(
        accuracy=float(accuracy_score(labels, chosen)),
        macro_recall=float(recall_score(labels, chosen, zero_division=0, **average)),
        macro_f1=float(f1_score(labels, chosen, zero_division=0, **average)),
        samples=len(labels),
    )

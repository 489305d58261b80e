"""Which class is taken for which."""

import numpy as np

from tfcompress.errors import DataError
from tfcompress.measurement.quality.prediction import Predictions


def confusion_matrix(predictions: Predictions) -> np.ndarray:
    """Counts how often samples of each class are given each class.

    Args:
        predictions: Predictions with one class for each label.

    Returns:
        An array of shape `(classes, classes)`, a row for each class in the labels and
        a column for each chosen class; int64, or float64 if there are sample weights.

    Raises:
        DataError: If the labels are not class numbers.

    Example:
    ```python
    predictions = tfc.measurement.predict(model, (images, labels))
    confusion_matrix(predictions)[3, 5]  # how many threes are taken for fives
    ```
    """
    if predictions.kind != "classes" or predictions.labels is None:
        raise DataError(
            "A confusion matrix needs labels that are class numbers. "
            f"Received: labels of kind {predictions.kind!r}"
        )
    weights = None if predictions.weights is None else predictions.label_weights.ravel()
    # scikit-learn takes a second to import, which commands on files do without.
    from sklearn import metrics

    return metrics.confusion_matrix(
        predictions.labels.ravel(),
        predictions.classes.ravel(),
        labels=np.arange(predictions.width),
        sample_weight=weights,
    )

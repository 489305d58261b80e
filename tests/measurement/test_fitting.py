import numpy as np
import pytest

from tests.models import build_classifier
from tfcompress.errors import DataError
from tfcompress.measurement.quality.fitting import check_fits, explain_misfit


def test_what_keras_takes_fits(either_keras):
    model = build_classifier(either_keras)
    for shape in ((3, 8, 8, 1), (3, 8, 8)):
        check_fits(model, np.zeros(shape, "float32"))
        check_fits(model, (np.zeros(shape, "uint8"), np.zeros(3)))


@pytest.mark.parametrize("shape", [(3, 9, 8, 1), (3, 64), (3, 8, 8, 3)])
def test_other_shapes(either_keras, shape):
    model = build_classifier(either_keras)
    with pytest.raises(DataError, match=r"8, 8, 1\)\]. Received: x of shapes \[\(3, "):
        check_fits(model, np.zeros(shape, "float32"))


def test_other_shapes_behind_a_traced_run(either_keras):
    layers = [either_keras.Input((6,)), either_keras.layers.Dense(3)]
    model = either_keras.Sequential(layers)
    model.predict_on_batch(np.ones((8, 6), "float32"))
    unfit = np.ones((8, 4), "float32")
    message = r"\(None, 6\)\].*\[\(8, 4\)\] \(Matrix size-incompatible: [^\n]*6,3\]\)$"
    with pytest.raises(DataError, match=message), explain_misfit(model, unfit):
        model.predict_on_batch(unfit)


def test_values_that_do_not_fit(either_keras):
    layers = [either_keras.Input((2,)), either_keras.layers.Embedding(4, 3)]
    model = either_keras.Sequential(layers)
    message = r"\(indices\[0,0\] = 9 is not in \[0, 4\)\)$"
    with pytest.raises(DataError, match=message):
        check_fits(model, np.full((1, 2), 9))

import numpy as np
import pytest

from tests.models import build_classifier
from tfcompress.errors import DataError
from tfcompress.measurement.fitting import check_fits


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

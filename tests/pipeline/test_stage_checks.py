import numpy as np
import pytest

import tfcompress as tfc
from tfcompress.errors import ModelError
from tfcompress.pipeline import Distil, FineTune, Pipeline, Training
from tfcompress.pipeline.stage_checks import check_stage

X = np.random.default_rng(0).random((32, 2), np.float32)


@pytest.fixture(scope="module")
def shares(either_keras):
    """A model of numbers from 0 to 1, which ends in sigmoid."""
    layers = [either_keras.Input((2,)), either_keras.layers.Dense(1, "sigmoid")]
    return either_keras.Sequential(layers)


def test_numbers_of_a_sigmoid_can_be_trained(shares):
    check_stage(FineTune(training=Training(epochs=1)), shares, (X, X[:, :1]))


def test_what_does_not_teach_an_ending_is_found_before_the_folder(shares, tmp_path):
    data = X, X[:, :1]
    with pytest.raises(ModelError, match="RegressionDistillation.*ends in sigmoid"):
        Pipeline([Distil()]).run(shares, data, data, directory=tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_compress_ships_numbers_of_a_sigmoid(shares, tmp_path):
    data = X, X[:, :1]
    with pytest.raises(ModelError, match="RegressionDistillation"):
        check_stage(Distil(), shares, data)
    result = tfc.compress(
        shares, data, data, target="gpu", directory=tmp_path / "run", verbose=0
    )
    assert result.artifact.bytes
    assert "RegressionDistillation" in result.describe()

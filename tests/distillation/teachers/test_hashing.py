import pytest

from tests.models import build_classifier
from tfcompress.distillation.teachers.as_teacher import as_teacher
from tfcompress.distillation.teachers.ensemble import Ensemble


def hashed(teacher):
    return as_teacher(teacher).hash()


@pytest.fixture
def models(either_keras):
    """Two models of one architecture and other weights."""
    either_keras.utils.set_random_seed(0)
    return [build_classifier(either_keras, name=f"model{i}") for i in range(2)]


def test_equal_weights_have_one_hash_whatever_the_names(models, either_keras, tmp_path):
    first, second = models
    assert len(hashed(first)) == 64
    assert hashed(first) != hashed(second)
    second.set_weights(first.get_weights())
    assert hashed(first) == hashed(second)
    first.save(tmp_path / "model.keras")
    loaded = either_keras.models.load_model(tmp_path / "model.keras")
    assert hashed(first) == hashed(loaded)


def test_the_smallest_change_of_a_statistic_is_another_teacher(models):
    before = hashed(models[0])
    variance = models[0].get_layer("norm1").non_trainable_weights[1]
    variance.assign(variance * 1.0001)
    assert hashed(models[0]) != before


def test_ensembles_differ_by_members_weights_and_average(models):
    first, second = models
    hashes = {
        hashed([first, second]),
        hashed([second, first]),
        hashed([first, first]),
        hashed(Ensemble([first, second], weights=[2, 1])),
        hashed(Ensemble([first, second], average="logits")),
        hashed({"a": first, "b": second}),
        hashed({"a": second, "b": first}),
    }
    assert len(hashes) == 7
    assert hashed([first, second]) in hashes


def test_functions_cannot_be_told_apart(models):
    function = as_teacher(lambda x: x)
    assert function.hash() is None
    assert hashed([models[0], function]) is None
    assert hashed({"a": models[0], "b": function}) is None

import pytest
import tensorflow as tf

from tfcompress.distillation.losses.outputs import (
    check_reduction,
    losses_of_outputs,
    reduced,
)
from tfcompress.errors import ArgumentError, DataError, ModelError


def together(teacher, student, labels):
    return teacher, student, labels


def test_one_output():
    assert losses_of_outputs(together, 1.0, 2.0, 3.0) == (1.0, 2.0, 3.0)
    assert losses_of_outputs(together, 1.0, 2.0) == (1.0, 2.0, None)
    assert losses_of_outputs(together, [1.0], [2.0], [3.0]) == (1.0, 2.0, 3.0)
    assert losses_of_outputs(together, [1.0], [2.0], 3.0) == (1.0, 2.0, 3.0)


def test_several_outputs():
    expected = [(1.0, 3.0, 5.0), (2.0, 4.0, 6.0)]
    assert losses_of_outputs(together, [1.0, 2.0], (3.0, 4.0), [5.0, 6.0]) == expected
    found = losses_of_outputs(
        together, {"b": 2.0, "a": 1.0}, {"a": 3.0, "b": 4.0}, {"b": 6.0, "a": 5.0}
    )
    assert found == expected


def test_labels_of_some_outputs():
    found = losses_of_outputs(
        together, {"a": 1.0, "b": 2.0}, {"a": 3.0, "b": 4.0}, {"b": 6.0}
    )
    assert found == [(1.0, 3.0, None), (2.0, 4.0, 6.0)]


def test_unequal_numbers_of_outputs():
    with pytest.raises(ModelError, match="Received: 2 outputs of the teacher, 1 of"):
        losses_of_outputs(together, [1.0, 2.0], [1.0])


def test_one_label_for_two_outputs():
    with pytest.raises(DataError, match="Received: 1 labels for 2 outputs"):
        losses_of_outputs(together, [1.0, 2.0], [1.0, 2.0], tf.zeros(4))


def test_reductions():
    logits = tf.zeros((2, 3, 4))
    assert check_reduction("sum") == "sum"
    assert reduced(tf.constant(8.0), logits, "sum") == 8.0
    assert reduced(tf.constant(8.0), logits, "mean") == 2.0


@pytest.mark.parametrize("reduction", ["none", None, 1])
def test_unknown_reduction(reduction):
    with pytest.raises(ArgumentError, match="reduction .* Received: reduction="):
        check_reduction(reduction)

import numpy as np
import pytest
import sklearn.metrics

from tests.report.page_reader import PageReader
from tfcompress.measurement import Predictions
from tfcompress.report.confusion import count_pairs, find_confused, write_matrix


def test_pairs_by_hand():
    matrix = np.array([[5, 1, 0], [3, 7, 2], [0, 2, 9]])
    assert find_confused(matrix) == [(1, 0, 3), (1, 2, 2), (2, 1, 2), (0, 1, 1)]
    assert find_confused(matrix, 1) == [(1, 0, 3)]
    assert find_confused(np.diag([3, 4])) == []
    assert matrix[0, 0] == 5


@pytest.mark.parametrize("weighted", [False, True])
def test_counts_are_those_of_scikit_learn(weighted):
    generator = np.random.default_rng(0)
    scores = generator.normal(size=(40, 6)).astype(np.float32)
    labels = generator.integers(0, 5, 40)
    weights = generator.integers(0, 3, 40) / 4.0 if weighted else None
    counted = count_pairs(Predictions(scores, labels, weights))
    expected = sklearn.metrics.confusion_matrix(
        labels, scores.argmax(1), labels=range(6), sample_weight=weights
    )
    np.testing.assert_array_equal(counted.toarray(), expected)
    assert counted.data.all()


@pytest.mark.parametrize("classes", [2, 20])
def test_grid(classes):
    matrix = np.arange(classes**2).reshape(classes, classes)
    names = [f"<class {number}>" for number in range(classes)]
    page = PageReader(write_matrix(matrix, names, "of a & b"))
    assert page.tables[0][0] == ["label", *names]
    for line, (name, counts) in zip(
        page.tables[0][1:], zip(names, matrix, strict=True), strict=True
    ):
        assert line == [name, *map(str, counts)]
    assert "of a & b" in page.text
    assert page.attributes.count(("scope", "row")) == classes
    assert page.attributes.count(("scope", "col")) == classes + 1


def test_many_classes_are_listed_by_pairs():
    matrix = 9 * np.eye(21, dtype=int)
    matrix[3, 4], matrix[20, 0] = 1, 5
    names = [f"{number}" for number in range(21)]
    page = PageReader(write_matrix(matrix, names, "shipped"))
    assert page.tables == [
        [
            ["label", "taken for", "samples"],
            ["20", "0", "5 of 14"],
            ["3", "4", "1 of 10"],
        ]
    ]
    assert "21 classes" in page.text


def test_many_classes_without_a_fault():
    page = PageReader(write_matrix(np.eye(30, dtype=int), ["x"] * 30, "shipped"))
    assert page.tables[0][1] == ["no sample"]


def test_sums_of_weights():
    page = PageReader(write_matrix(np.array([[1.25, 0], [2, 1e6]]), ["a", "b"], "x"))
    assert page.tables[0][1:] == [["a", "1.25", "0"], ["b", "2", "1,000,000"]]

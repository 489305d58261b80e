import numpy as np
import pytest
import tensorflow as tf

from tfcompress.distillation.teachers.fingerprint import fingerprint
from tfcompress.errors import DataError

X = np.random.default_rng(0).normal(size=(6, 3, 2)).astype(np.float32)


def prints(x):
    """The fingerprints, made in a graph as a training step makes them."""
    return tf.function(fingerprint)(x).numpy()


def test_it_is_the_farm_hash_of_the_bytes_of_each_sample():
    buckets = 2**61 - 1
    strings = tf.constant([row.tobytes() for row in X])
    expected = tf.strings.to_hash_bucket_fast(strings, buckets).numpy()
    found = prints(X)
    assert found.dtype == np.int64
    np.testing.assert_array_equal(
        found.view(np.uint64) % buckets, expected.astype(np.uint64)
    )


def test_place_and_batch_do_not_count():
    whole, order = prints(X), np.array([4, 0, 2, 5, 1, 3])
    np.testing.assert_array_equal(prints(X[order]), whole[order])
    np.testing.assert_array_equal(prints(X[2:3]), whole[2:3])
    assert len(np.unique(whole)) == len(X)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (np.arange(12, dtype=np.uint8), np.arange(12, dtype=np.int64)),
        (np.arange(12, dtype=np.int32), np.arange(12, dtype=np.int64)),
        (np.arange(12) > 5, (np.arange(12) > 5).astype(np.int32)),
        (X.reshape(-1)[:12].astype(np.float64), X.reshape(-1)[:12]),
        (np.linspace(0, 1, 12, dtype=np.float16),) * 2,
        (np.zeros(12, np.float32), -np.zeros(12, np.float32)),
        (np.array(["a", "", "ü"] * 4), np.array([b"a", b"", "ü".encode()] * 4)),
    ],
)
def test_equal_values_have_one_fingerprint(one, other):
    first = prints(tf.constant(one.reshape(4, 3)))
    np.testing.assert_array_equal(first, prints(tf.constant(other.reshape(4, 3))))


def test_float16_has_the_fingerprint_of_float32():
    half = X.astype(np.float16)
    np.testing.assert_array_equal(prints(half), prints(half.astype(np.float32)))


def test_strings_are_told_apart_where_their_bytes_run_together():
    values = prints(tf.constant([["ab", "c"], ["a", "bc"], ["abc", ""]]))
    assert len(np.unique(values)) == 3


def test_every_input_counts():
    other = np.arange(6, dtype=np.int32)
    both = prints({"a": X, "b": other})
    np.testing.assert_array_equal(both, prints((X, other)))
    changed = prints({"a": X, "b": np.roll(other, 1)})
    assert not (both == changed).any()
    assert not (both == prints({"a": X[::-1].copy(), "b": other})).any()


def test_the_smallest_change_of_one_value_is_seen():
    changed = X.copy()
    changed[3, 1, 1] = np.nextafter(changed[3, 1, 1], np.float32(9))
    np.testing.assert_array_equal(np.flatnonzero(prints(X) != prints(changed)), [3])


def test_batches_of_one_and_of_none():
    assert prints(X[:1]).shape == (1,)
    assert prints(X[:0]).shape == (0,)


@pytest.mark.parametrize(
    ("x", "said"),
    [
        (tf.ragged.constant([[1], [2, 3]]), "dense tensors"),
        (tf.sparse.from_dense([[1, 0]]), "dense tensors"),
        (tf.constant(1.0), r"shape \(batch, ...\)"),
        ({}, "one input at least"),
    ],
)
def test_what_has_no_samples_of_one_shape_is_refused(x, said):
    with pytest.raises(DataError, match=said):
        fingerprint(x)

import numpy as np
import pytest
from scipy.special import log_softmax, logsumexp, softmax

from tfcompress.distillation.teachers.target_records import (
    TargetRecords,
    keep_top,
    spread_rest,
)
from tfcompress.errors import ArgumentError, ModelError

LOGITS = np.random.default_rng(0).normal(scale=4, size=(5, 7, 9)).astype(np.float32)


def records(shapes, *, logits=1, dtype="float32", top_k=None):
    return TargetRecords(shapes, logits=logits, dtype=dtype, top_k=top_k)


def test_top_logits_worked_by_hand():
    top = keep_top(np.log([[1.0, 5.0, 2.0, 3.0]]), 2)
    np.testing.assert_allclose(top.values, np.log([[5.0, 3.0]]))
    np.testing.assert_array_equal(top.indices, [[1, 3]])
    np.testing.assert_allclose(top.rest, np.log([3.0]))
    dense = spread_rest(top, 4)
    np.testing.assert_allclose(dense, np.log([[1.5, 5.0, 1.5, 3.0]]), rtol=1e-6)


@pytest.mark.parametrize("k", [1, 3, 8])
def test_kept_classes_have_the_probabilities_of_all_logits(k):
    wide = LOGITS.astype(np.float64)
    dense = spread_rest(keep_top(LOGITS, k), 9)
    top = np.argsort(-wide, -1)[..., :k]
    expected = np.take_along_axis(softmax(wide, -1), top, -1)
    found = np.take_along_axis(softmax(dense.astype(np.float64), -1), top, -1)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    np.testing.assert_allclose(logsumexp(dense, -1), logsumexp(wide, -1), rtol=1e-5)


def test_all_but_one_class_kept_loses_nothing():
    np.testing.assert_allclose(
        spread_rest(keep_top(LOGITS, 8), 9), LOGITS, rtol=1e-5, atol=1e-6
    )


def test_extreme_logits_stay_finite():
    extreme = np.array([[80.0, -80.0, -80.0, 0.0]], np.float32)
    dense = spread_rest(keep_top(extreme, 1), 4)
    expected = np.log(np.exp(0.0) / 3)
    np.testing.assert_allclose(dense, [[80.0, *[expected] * 3]], rtol=1e-6)


def test_float32_comes_back_as_it_was():
    form = records([(7, 9), (3,)])
    features = np.linspace(-80, 80, 15, dtype=np.float32).reshape(5, 3)
    stored = form.encode([LOGITS, features])
    for i, tensor in enumerate([LOGITS, features]):
        back = form.decode(i, [stored[name] for name in form.fields(i)])
        assert back.dtype == np.float32
        np.testing.assert_array_equal(back, tensor)


def test_float16_comes_back_rounded_with_a_divergence_of_less_than_one_in_100000():
    form = records([(7, 9)], dtype="float16")
    back = form.decode(0, [form.encode([LOGITS])["values_0"]])
    np.testing.assert_allclose(back, LOGITS, rtol=2.0**-11, atol=1e-7)
    p = log_softmax(LOGITS.astype(np.float64), -1)
    divergence = (np.exp(p) * (p - log_softmax(back.astype(np.float64), -1))).sum(-1)
    assert divergence.max() < 1e-5


def test_top_logits_take_less_room_and_features_are_whole():
    form = records([(7, 9), (1,), (20,)], logits=2, dtype="float16", top_k=2)
    assert form.is_sparse == [True, False, False]
    assert form.dtype.itemsize == 7 * (2 * (2 + 4) + 4) + 2 + 40
    tensors = [LOGITS, LOGITS[:, 0, :1], np.ones((5, 20), np.float32)]
    stored = form.encode(tensors)
    back = form.decode(0, [stored[name] for name in form.fields(0)])
    expected = spread_rest(keep_top(LOGITS, 2), 9)
    np.testing.assert_allclose(back, expected, rtol=1e-3, atol=1e-4)


def test_records_agree_but_for_rounding():
    form = records([(7, 9)], dtype="float16", top_k=3)
    stored = form.encode([LOGITS])
    assert form.agree(stored, form.encode([LOGITS * 1.001]))
    assert not form.agree(stored, form.encode([LOGITS[::-1]]))
    assert form.agree(stored[:0], stored[:0])


@pytest.mark.parametrize("top_k", [9, 12])
def test_keeping_all_classes_is_refused(top_k):
    with pytest.raises(ArgumentError, match=f"number of classes.*top_k={top_k}"):
        records([(7, 9), (1,)], logits=2, top_k=top_k)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_refused(bad):
    with pytest.raises(ModelError, match="finite.*1 that are NaN"):
        records([(2,)]).encode([np.array([[1.0, bad]], np.float32)])


def test_what_is_too_large_for_float16_is_refused_and_fits_float32():
    masked = [np.array([[1.0, -1e9]], np.float32)]
    with pytest.raises(ArgumentError, match="dtype='float32'.*up to 1e"):
        records([(2,)], dtype="float16").encode(masked)
    assert records([(2,)]).encode(masked)["values_0"][0, 1] == np.float32(-1e9)

import numpy as np

from tfcompress.quantization.formats import Histogram


def test_counts_equal_numpy_and_nothing_is_lost():
    x = np.random.default_rng(0).normal(size=100_000).astype(np.float32)
    histogram = Histogram()
    histogram.update(x)
    assert histogram.counts.sum() == x.size
    expected, _ = np.histogram(x.astype(np.float64), histogram.edges)
    # A value on an edge may go either way.
    assert np.abs(histogram.counts - expected).sum() <= 4
    assert histogram.edges[-1] == np.float64(np.abs(x).max())


def test_growing_adds_neighbours():
    x = np.random.default_rng(0).uniform(-1, 1, size=1000)
    grown, whole = Histogram(), Histogram()
    grown.update(np.append(x, 1.0))
    grown.update(np.array([7.9]))
    assert grown.width == 8 / 8192
    whole.update(np.array([8.0]))
    whole.update(np.append(x, [1.0, 7.9]))
    assert grown.counts.sum() == 1002
    # The other one has the value 8 more, and 1 on the other side of an edge.
    assert np.abs(grown.counts - whole.counts).sum() == 3


def test_zeros_are_counted_apart():
    histogram = Histogram()
    histogram.update(np.zeros(5))
    histogram.update(np.array([0.0, 4.0, -2.0]))
    assert histogram.zeros == 6
    points, counts = histogram.points()
    np.testing.assert_allclose(points, [-2, 4], rtol=1e-3)
    assert list(counts) == [1, 1]
    assert histogram.magnitudes()[0] == 6

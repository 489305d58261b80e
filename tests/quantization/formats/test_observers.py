import numpy as np
import pytest

from tfcompress.errors import ArgumentError, DataError
from tfcompress.quantization.formats import METHODS, build_observer
from tfcompress.quantization.formats.observers import (
    MovingAverageObserver,
    PercentileObserver,
)


def observe(method, *batches, **options):
    observer = build_observer(method, **options)
    for batch in batches:
        observer.update(np.asarray(batch, np.float32))
    return observer.range()


def test_least_and_greatest_of_all_batches():
    assert observe("min_max", [0.5, 2.0], [-1.0, 1.0]) == (-1, 2)
    assert observe("min_max", [0.5, 2.0], [-1.0, 1.0], symmetric=True) == (-2, 2)


def test_moving_average_by_hand():
    # 10, then 0.9 · 10 + 0.1 · 20 = 11; -1, then 0.9 · -1 + 0.1 · -3 = -1.2.
    assert observe("moving_average", [-1.0, 10.0], [-3.0, 20.0]) == pytest.approx(
        (-1.2, 11)
    )


def test_momentum_of_moving_average():
    found = observe("moving_average", [0.0, 4.0], [0.0, 8.0], momentum=0.5)
    assert found == (0, 6)


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("percentile", [99.0, 99.99, 100.0])
def test_percentile_equals_numpy(percentile, symmetric):
    x = np.random.default_rng(0).normal(size=50_000).astype(np.float32)
    found = observe(
        "percentile", *np.split(x, 10), percentile=percentile, symmetric=symmetric
    )
    if symmetric:
        high = np.percentile(np.abs(x), percentile)
        expected = (-high, high)
    else:
        expected = np.percentile(x, [100 - percentile, percentile])
    # A bin is a 4096th of the largest value; between two of the few values far out
    # any place would do.
    np.testing.assert_allclose(found, expected, atol=0.02)


def test_percentile_cuts_an_outlier_off():
    x = np.append(np.linspace(0, 1, 20_000), 1000.0)
    low, high = observe("percentile", x)
    assert low == 0
    assert high == pytest.approx(1, abs=0.3)  # A bin is 1000 / 8192 wide.


@pytest.mark.parametrize(("bits", "clip"), [(2, 2.83), (3, 3.89), (4, 5.03)])
def test_mse_finds_the_clipping_of_laplacian_numbers(bits, clip):
    # Banner et al., "Post-training 4-bit quantization", 2019: the best thresholds of
    # Laplace(0, 1). They are for levels that lie evenly around zero; ours hold zero.
    x = np.random.default_rng(0).laplace(size=200_000)
    low, high = observe("mse", x, bits=bits)
    assert high - low == pytest.approx(2 * clip, rel=0.1)


def test_mse_finds_the_step_of_gaussian_numbers():
    # Max, "Quantizing for minimum distortion", 1960: 16 levels 0.3352 apart.
    x = np.random.default_rng(0).normal(size=200_000)
    low, high = observe("mse", x, bits=4)
    assert (high - low) / 15 == pytest.approx(0.3352, rel=0.03)


def test_mse_takes_the_whole_range_where_it_is_exact():
    # 0, 1, ..., 255 are the levels themselves.
    low, high = observe("mse", np.arange(256.0))
    assert low == 0
    assert high == pytest.approx(255, rel=0.005)


def test_divergence_equals_an_independent_loop():
    x = np.random.default_rng(1).laplace(size=20_000).astype(np.float32)
    low, high = observe("kl", x, symmetric=True)
    largest = np.abs(x).max()
    counts, edges = np.histogram(np.abs(x), bins=2048, range=(0, largest))
    found = {}
    for end in range(128, 2049):
        p = counts[:end].astype(float)
        p[-1] += counts[end:].sum()
        q = np.zeros(end)
        for level in range(128):
            start, stop = level * end // 128, (level + 1) * end // 128
            part = counts[start:stop]
            if part.any():
                q[start:stop][part > 0] = part.sum() / (part > 0).sum()
        if ((p > 0) & (q == 0)).any():
            continue
        p, q = p / p.sum(), q / q.sum()
        some = p > 0
        found[edges[end]] = np.sum(p[some] * np.log(p[some] / q[some]))
    assert high == -low
    # The curve is flat around its minimum, and the bins are not the same.
    nearest = min(found, key=lambda edge: abs(edge - high))
    assert found[nearest] <= 1.15 * min(found.values())


def test_divergence_cuts_outliers_off():
    x = np.append(np.random.default_rng(0).normal(size=100_000), 60.0)
    _, high = observe("kl", x)
    assert 3 < high < 30


@pytest.mark.parametrize("method", METHODS)
class TestEveryMethod:
    def test_range_holds_zero(self, method):
        assert observe(method, [4.0, 5.0])[0] == 0
        assert observe(method, [-4.0, -5.0])[1] == 0

    def test_symmetric_range(self, method):
        low, high = observe(method, [-4.0, 1.0, 2.0], symmetric=True)
        assert low == -high
        assert 0 < high <= 4

    def test_of_zeros_has_no_width(self, method):
        assert observe(method, np.zeros((2, 3)), [0.0]) == (0, 0)

    def test_of_one_constant(self, method):
        assert observe(method, np.full(10, 3.0)) == pytest.approx((0, 3), rel=0.01)

    def test_zeros_first_and_values_later(self, method):
        options = {"momentum": 0.0} if method == "moving_average" else {}
        found = observe(method, [0.0, 0.0], [1.0, 3.0], **options)
        assert found == pytest.approx((0, 3), rel=0.01)

    @pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e300])
    def test_values_that_are_not_finite(self, method, bad):
        observer = build_observer(method)
        with pytest.raises(DataError, match="NaN or infinite"):
            observer.update(np.array([1.0, bad]))

    def test_without_values(self, method):
        observer = build_observer(method)
        observer.update(np.zeros((0, 3)))
        with pytest.raises(DataError, match="one value at least"):
            observer.range()

    @pytest.mark.parametrize("bits", [2, 3, 8, 16])
    def test_all_bits(self, method, bits):
        x = np.random.default_rng(0).normal(size=5_000)
        low, high = observe(method, x, bits=bits)
        assert x.min() - 1e-6 <= low < 0 < high <= x.max() + 1e-6

    @pytest.mark.parametrize("scale", [1e-42, 1e-20, 1e30])
    def test_tiny_and_huge_values(self, method, scale):
        x = np.linspace(-1, 1, 1001) * scale
        low, high = observe(method, x)
        assert -1.01 * scale <= low < 0 < high <= 1.01 * scale


@pytest.mark.parametrize("method", ["min_max", "percentile", "mse", "kl"])
def test_batches_that_grow_equal_one_batch(method):
    x = np.random.default_rng(0).normal(size=40_000)
    x = np.sort(np.abs(x)) * np.sign(x)
    grown = observe(method, x[:1], x[1:10], x[10:20_000], x[20_000:])
    np.testing.assert_allclose(grown, observe(method, x), rtol=0.03)


def test_strings_are_no_numbers():
    with pytest.raises(DataError, match="dtype"):
        build_observer("min_max").update(np.array(["a"]))


def test_unknown_method_gets_the_nearest():
    with pytest.raises(ArgumentError, match=r"nearest are \['percentile'.*'percentil'"):
        build_observer("percentil")


@pytest.mark.parametrize("bits", [0, 1, 9, 12, 32, 8.0, "8", True, None])
def test_bits_outside_the_list(bits):
    with pytest.raises(ArgumentError, match="bits is one of"):
        build_observer("mse", bits=bits)


@pytest.mark.parametrize("percentile", [0, 50, 100.1, -1, float("nan")])
def test_percentile_outside(percentile):
    with pytest.raises(ArgumentError, match="percentile is above 50"):
        PercentileObserver(percentile=percentile)


@pytest.mark.parametrize("momentum", [-0.1, 1, float("nan")])
def test_momentum_outside(momentum):
    with pytest.raises(ArgumentError, match="momentum is from 0"):
        MovingAverageObserver(momentum=momentum)


def test_option_of_another_method():
    with pytest.raises(ArgumentError, match="no such option"):
        build_observer("min_max", percentile=99)

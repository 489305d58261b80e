import pytest

from tfcompress.measurement.cost.energy import ASSUMPTIONS, Energy, estimate_energy


@pytest.mark.parametrize(
    ("dtype", "picojoules"),
    [
        ("float32", 3.7 + 0.9),
        ("float16", 1.1 + 0.4),
        ("int8", 0.2 + 0.1),
        ("int4", 0.2 + 0.1),
        ("int16", 3.1 / 4 + 0.1),
        ("float64", 3.7 + 0.9),
    ],
)
def test_products(dtype, picojoules):
    energy = estimate_energy(
        multiply_adds=2_000_000, dtype=dtype, weight_bytes=0, activation_bytes=0
    )
    assert energy == Energy(arithmetic=pytest.approx(2 * picojoules))


def test_memory():
    """1.3 nJ and 100 pJ for 64 bits."""
    energy = estimate_energy(
        multiply_adds=0, dtype="int8", weight_bytes=800, activation_bytes=8000
    )
    assert energy.weights == pytest.approx(100 * 1.3e-3)
    assert energy.activations == pytest.approx(1000 * 100e-6)
    assert energy.total == pytest.approx(0.13 + 0.1)


def test_sum():
    assert Energy(1.0, 2.0, 3.0) + Energy(0.5, 0.5, 0.5) == Energy(1.5, 2.5, 3.5)


def test_assumptions_are_the_table():
    for number in ("162.5", "12.5", "4.6", "1.5", "0.3", "45 nm", "Horowitz"):
        assert number in ASSUMPTIONS

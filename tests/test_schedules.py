import pytest

from tfcompress.errors import ArgumentError
from tfcompress.schedules import Constant, Polynomial


def test_constant():
    assert Constant(0.5)(0.0) == Constant(0.5)(1.0) == 0.5


def test_polynomial_worked_by_hand():
    schedule = Polynomial(0.0, 0.8, begin=0.2, finish=0.6)
    assert schedule(0.1) == 0.0
    # Half the way: 0.8 - 0.8 / 2 ** 3.
    assert schedule(0.4) == pytest.approx(0.7)
    assert schedule(0.6) == schedule(1.0) == 0.8


def test_polynomial_of_power_one_is_a_line():
    assert Polynomial(1.0, 0.0, power=1)(0.25) == pytest.approx(0.75)


def test_step():
    schedule = Polynomial(0.0, 0.8, begin=0.0, finish=0.0)
    assert schedule(0.0) == 0.8


def test_config_round_trip():
    schedule = Polynomial(0.1, 0.9, begin=0.2, finish=0.7, power=2)
    again = Polynomial.from_config(schedule.get_config())
    assert again(0.5) == schedule(0.5)


@pytest.mark.parametrize("shares", [(-0.1, 0.5), (0.6, 0.5), (0.5, 1.1)])
def test_shares_out_of_order(shares):
    with pytest.raises(ArgumentError, match="in order, from 0 to 1"):
        Polynomial(0, 1, begin=shares[0], finish=shares[1])


def test_power_out_of_range():
    with pytest.raises(ArgumentError, match="Received: power=0"):
        Polynomial(0, 1, power=0)

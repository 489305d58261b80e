import math

import pytest

from tfcompress.errors import ArgumentError
from tfcompress.keras_compat import tfmot as tfmot_module
from tfcompress.schedules import (
    Constant,
    Cosine,
    Exponential,
    Gradual,
    Linear,
    OfStep,
    Piecewise,
    Polynomial,
    PolynomialOfSteps,
    deserialize,
    serialize,
)

MOVING = [Linear, Cosine, Exponential, Polynomial]


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


def test_linear_worked_by_hand():
    schedule = Linear(8.0, 2.0, begin=0.25, finish=0.75)
    assert schedule(0.25) == 8.0
    assert schedule(0.375) == 6.5
    assert schedule(0.75) == 2.0


def test_cosine_worked_by_hand():
    schedule = Cosine(8.0, 2.0)
    # cos(π/3) = 1/2 and cos(π/2) = 0.
    assert schedule(1 / 3) == pytest.approx(2 + 6 * 0.75)
    assert schedule(0.5) == pytest.approx(5.0)


def test_exponential_worked_by_hand():
    assert Exponential(1.0, 0.01)(0.5) == pytest.approx(0.1)
    assert Exponential(-1.0, -8.0)(2 / 3) == pytest.approx(-4.0)


@pytest.mark.parametrize("kind", MOVING)
def test_ends_are_exact_and_held(kind):
    schedule = kind(3.0, 0.1, begin=0.3, finish=0.7)
    assert schedule(0.0) == schedule(0.3) == 3.0
    assert schedule(0.7) == schedule(1.0) == 0.1
    values = [schedule(progress / 100) for progress in range(101)]
    assert values == sorted(values, reverse=True)


@pytest.mark.parametrize("kind", MOVING)
def test_step(kind):
    assert kind(0.4, 0.8, begin=0.0, finish=0.0)(0.0) == 0.8


def test_gradual_rises_and_recovers():
    schedule = Gradual(0.0, 0.8, moves=2, recovery=0.5)
    # It rises in the first and the third quarter, and is held in the others.
    progress = [0.0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 1.0]
    expected = [0.0, 0.2, 0.4, 0.4, 0.4, 0.6, 0.8, 0.8]
    assert [schedule(p) for p in progress] == pytest.approx(expected)
    assert schedule(1.0) == schedule.final == 0.8


def test_gradual_without_recovery_is_a_line_and_with_nothing_else_jumps():
    line = Gradual(1.0, 3.0, moves=3, recovery=0.0, begin=0.2, finish=0.6)
    assert line(0.3) == pytest.approx(1.5)
    jumps = Gradual(0.0, 1.0, moves=4, recovery=1.0)
    assert [jumps(p) for p in (0.0, 0.01, 0.26, 0.51, 0.76)] == [0, 0.25, 0.5, 0.75, 1]


@pytest.mark.parametrize(
    "arguments", [{"moves": 0}, {"moves": 1.5}, {"recovery": 1.1}, {"recovery": -0.1}]
)
def test_gradual_out_of_range(arguments):
    with pytest.raises(ArgumentError, match="Received: "):
        Gradual(0.0, 1.0, **arguments)


def test_polynomial_of_steps_worked_by_hand():
    schedule = PolynomialOfSteps(0.2, 1.0, begin=10, finish=20)
    found = [schedule(0.0, step) for step in (0, 9, 10, 15, 20, 99)]
    assert found == pytest.approx([0.0, 0.0, 0.2, 1.0 - 0.8 / 8, 1.0, 1.0])
    assert schedule.final == 1.0


def test_polynomial_of_steps_is_that_of_tfmot():
    tfmot = tfmot_module().sparsity.keras
    theirs = tfmot.PolynomialDecay(0.1, 0.7, begin_step=3, end_step=11, frequency=1)
    ours = PolynomialOfSteps(0.1, 0.7, begin=3, finish=11)
    for step in range(3, 14):
        assert ours(0.0, step) == pytest.approx(float(theirs(step)[1]), abs=1e-6)


@pytest.mark.parametrize(("begin", "finish"), [(-1, 3), (4, 3)])
def test_polynomial_of_steps_out_of_order(begin, finish):
    with pytest.raises(ArgumentError, match="Received: begin="):
        PolynomialOfSteps(0.0, 0.5, begin=begin, finish=finish)


def test_final_value():
    assert Constant(0.5).final == 0.5
    assert Piecewise([0.5], [1.0, 2.0]).final == 2.0
    with pytest.raises(ArgumentError, match="is not known"):
        _ = OfStep(lambda step: 1.0).final


@pytest.mark.parametrize(
    "schedule",
    [
        Gradual(0.0, 0.6, moves=3, recovery=0.2, begin=0.1, finish=0.9),
        PolynomialOfSteps(0.1, 0.6, begin=2, finish=30, power=2),
    ],
)
def test_config_round_trip_of_schedules_for_pruning(schedule):
    again = deserialize(serialize(schedule))
    assert type(again) is type(schedule)
    assert again.get_config() == schedule.get_config()


def test_piecewise_begins_each_value_at_its_boundary():
    schedule = Piecewise([0.25, 0.5], [3.0, 2.0, 1.0])
    found = [schedule(progress) for progress in (0.0, 0.2, 0.25, 0.49, 0.5, 1.0)]
    assert found == [3.0, 3.0, 2.0, 2.0, 1.0, 1.0]


def test_piecewise_of_one_value():
    assert Piecewise([], [2.0])(0.5) == 2.0


def test_function_of_the_step():
    schedule = OfStep(lambda step: 1 / (1 + step))
    assert schedule(0.9) == 1.0
    assert schedule(0.0, step=3) == 0.25


def test_function_cannot_be_written_out():
    with pytest.raises(ArgumentError, match="cannot be written out.* Received: func"):
        serialize(OfStep(lambda step: 1.0))


@pytest.mark.parametrize(
    "schedule",
    [
        Constant(2.0),
        *(kind(0.1, 0.9, begin=0.2, finish=0.7) for kind in MOVING),
        Polynomial(0.1, 0.9, begin=0.2, finish=0.7, power=2),
        Piecewise([0.4], [1.0, 2.0]),
    ],
)
def test_round_trip(schedule):
    again = deserialize(serialize(schedule))
    assert type(again) is type(schedule)
    assert again.get_config() == schedule.get_config()
    assert again(0.5) == schedule(0.5)


def test_nothing_is_written_as_nothing():
    assert serialize(None) is None


@pytest.mark.parametrize("data", [{}, {"class_name": "OfStep", "config": {}}])
def test_unknown_schedule(data):
    with pytest.raises(ArgumentError, match="A schedule must be one of .*Linear"):
        deserialize(data)


@pytest.mark.parametrize("kind", MOVING)
@pytest.mark.parametrize("shares", [(-0.1, 0.5), (0.6, 0.5), (0.5, 1.1)])
def test_shares_out_of_order(kind, shares):
    with pytest.raises(ArgumentError, match="in order, from 0 to 1"):
        kind(1, 2, begin=shares[0], finish=shares[1])


@pytest.mark.parametrize("value", [math.nan, math.inf, "1", None])
def test_value_that_is_no_number(value):
    with pytest.raises(ArgumentError, match="end must be a finite number. Received"):
        Linear(1.0, value)
    with pytest.raises(ArgumentError, match="values must be a finite number. Received"):
        Piecewise([], [value])


def test_power_out_of_range():
    with pytest.raises(ArgumentError, match="Received: power=0"):
        Polynomial(0, 1, power=0)


@pytest.mark.parametrize("ends", [(0.0, 1.0), (1.0, 0.0), (-1.0, 1.0)])
def test_exponential_between_signs(ends):
    with pytest.raises(ArgumentError, match="same sign and not 0.* Received: start="):
        Exponential(*ends)


@pytest.mark.parametrize("boundaries", [[0.0], [1.0], [0.5, 0.5], [0.6, 0.4]])
def test_boundaries_out_of_order(boundaries):
    with pytest.raises(ArgumentError, match="rise from above 0 to below 1"):
        Piecewise(boundaries, [1.0] * (len(boundaries) + 1))


def test_values_that_do_not_match_the_boundaries():
    with pytest.raises(ArgumentError, match="values must be one more than boundaries"):
        Piecewise([0.5], [1.0])


def test_function_that_is_none():
    with pytest.raises(ArgumentError, match="Received: function=0.5"):
        OfStep(0.5)

import random

import pytest

from tfcompress.measurement.cost.liveness import alive_bytes

SIZES = {"x": 1, "a": 2, "b": 4, "c": 8, "y": 16}


@pytest.mark.parametrize(
    ("steps", "kept", "expected"),
    [
        # A chain: two neighbours at a time.
        ([("x", "a"), ("a", "b"), ("b", "y")], "y", [1 + 2, 2 + 4, 4 + 16]),
        # The input comes in again at the end.
        ([("x", "a"), ("a", "b"), ("bx", "y")], "y", [3, 1 + 2 + 4, 1 + 4 + 16]),
        # An early result stays to the end; c is made for nobody.
        ([("x", "a"), ("a", "bc"), ("b", "y")], "ay", [3, 2 + 4 + 8, 2 + 4 + 16]),
        # The input is the result as well.
        ([("x", "a"), ("a", "b")], "xb", [3, 1 + 2 + 4]),
        ([], "x", []),
    ],
)
def test_by_hand(steps, kept, expected):
    assert alive_bytes(steps, SIZES, kept) == expected


@pytest.mark.parametrize("seed", range(20))
def test_as_the_definition_has_it(seed):
    """A tensor counts if it is there already, and used in this step or later."""
    draw = random.Random(seed)
    sizes = {name: draw.randint(0, 99) for name in range(12)}
    steps, made = [], [0, 1]
    for name in range(2, 12):
        steps.append((draw.sample(made, min(len(made), 3)), [name]))
        made.append(name)
    kept = draw.sample(made, 2)
    expected = []
    for number in range(len(steps)):
        later = {name for taken, _ in steps[number:] for name in taken}
        there = {0, 1} | {name for _, given in steps[: number + 1] for name in given}
        alive = there & (later | set(kept) | set(steps[number][1]))
        expected.append(sum(sizes[name] for name in alive))
    assert alive_bytes(steps, sizes, kept) == expected

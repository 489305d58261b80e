import pytest

from tfcompress.measurement.liveness import alive_bytes

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

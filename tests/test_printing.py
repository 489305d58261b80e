import pytest

from tfcompress.printing import three_digits


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.00012345, "0.000123"),
        (0.5, "0.500"),
        (1.2345, "1.23"),
        (12.345, "12.3"),
        (123.45, "123"),
        (12345.6, "12,346"),
    ],
)
def test_three_digits(value, written):
    assert three_digits(value) == written

import pytest

from tfcompress.report.columns import (
    COLUMNS,
    describe_ratio,
    format_milliseconds,
    format_percent,
)


@pytest.mark.parametrize(
    ("value", "reference", "expected"),
    [
        (20, 820, "41x smaller"),
        (25, 100, "4.0x smaller"),
        (100, 25, "4.0x larger"),
        (100, 999, "10x smaller"),
        (104, 100, "the same"),
        (100, 100, "the same"),
        (110, 100, "1.1x larger"),
    ],
)
def test_ratios_in_words(value, reference, expected):
    assert describe_ratio(value, reference, less="smaller", more="larger") == expected


@pytest.mark.parametrize(
    ("milliseconds", "expected"),
    [
        (1234.5, "1,234 ms"),
        (12.34, "12.3 ms"),
        (1.234, "1.23 ms"),
        (0.1234, "0.123 ms"),
        (0.01234, "0.0123 ms"),
    ],
)
def test_times_have_three_digits(milliseconds, expected):
    assert format_milliseconds(milliseconds) == expected


def test_percent():
    assert format_percent(0.97222) == "97.22 %"
    assert format_percent(1.0) == "100.00 %"


def test_every_number_of_a_row_has_a_column(comparison):
    texts = [column.text(comparison["shipped"]) for column in COLUMNS]
    assert texts == [
        "98.00 %",
        "97.00 %",
        "96.00 %",
        "98.00 %",
        "5,000",
        "80.0 %",
        "20,000",
        "10,000",
        "0.0101 ms",
    ]


def test_ratios_of_size_and_latency(comparison):
    shipped, teacher = comparison["shipped"], comparison["teacher"]
    ratios = {column.title: column.ratio_text(shipped, teacher) for column in COLUMNS}
    assert {title: ratio for title, ratio in ratios.items() if ratio} == {
        "bytes": "41x smaller",
        "bytes after gzip": "41x smaller",
        "latency": "50x faster",
    }
    assert not any(column.ratio_text(teacher, teacher) for column in COLUMNS)

import dataclasses

import pytest

from tfcompress.report.columns import (
    columns_of,
    describe_ratio,
    format_metric,
    format_milliseconds,
    format_percent,
    title_of,
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
        (0.05, "0.0500 ms"),
        (0.000712, "0.000712 ms"),
        (99.96, "100 ms"),
    ],
)
def test_times_have_three_digits(milliseconds, expected):
    assert format_milliseconds(milliseconds) == expected


def test_percent():
    assert format_percent(0.97222) == "97.22 %"
    assert format_percent(1.0) == "100.00 %"


@pytest.mark.parametrize(
    ("metric", "value", "title", "text"),
    [
        ("macro_f1", 0.5, "macro F1", "50.00 %"),
        ("top_5_accuracy", 0.98765, "top 5 accuracy", "98.77 %"),
        ("mean_iou", 0.25, "mean IoU", "25.00 %"),
        ("rmse", 12.34567, "RMSE", "12.35"),
        ("r2", -0.000123456, "R\N{SUPERSCRIPT TWO}", "-0.0001235"),
        ("roc_auc", 0.98765, "ROC AUC", "0.9877"),
        ("words per minute", 3, "words per minute", "3"),
    ],
)
def test_metrics_for_readers(metric, value, title, text):
    assert title_of(metric) == title
    assert format_metric(metric, value) == text


def test_every_number_of_a_row_has_a_column(comparison):
    columns = columns_of(comparison.rows)
    assert [column.text(comparison["shipped"]) for column in columns] == [
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


def test_columns_of_a_regression(regression):
    columns = columns_of(regression.rows)
    titles = ["MAE", "RMSE", "R\N{SUPERSCRIPT TWO}", "parameters", "zeros", "bytes"]
    titles += ["bytes after gzip", "latency"]
    assert [column.title for column in columns] == titles
    assert columns[0].text(regression["small"]) == "0.1235"


def test_notes_are_ratios_of_size_and_latency(comparison):
    shipped, teacher = comparison["shipped"], comparison["teacher"]
    columns = columns_of(comparison.rows)
    notes = {column.title: column.note(shipped, teacher) for column in columns}
    assert {title: note for title, note in notes.items() if note} == {
        "bytes": "41x smaller",
        "bytes after gzip": "41x smaller",
        "latency": "50x faster",
    }
    assert not any(column.note(teacher, teacher) for column in columns)


def test_notes_are_intervals(comparison):
    intervals = {"accuracy": (0.97123, 0.98456)}
    row = dataclasses.replace(comparison["shipped"], intervals=intervals)
    (accuracy, recall, *_) = columns_of([row])
    assert accuracy.note(row, row) == "97.1 to 98.5"
    assert recall.note(row, row) == ""

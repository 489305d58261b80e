import pytest

from tfcompress.pipeline.quality_loss import describe_loss, loses_much


@pytest.mark.parametrize(
    ("metric", "found", "expected"),
    [
        ("accuracy", 0.85, False),
        ("accuracy", 0.84, True),
        ("class/macro_f1", 0.8, True),
        ("r2", 0.5, True),
        ("r2", 0.95, False),
        ("mae", 0.1, False),
        ("negative_mae", 0.1, False),
    ],
)
def test_five_points_are_much(metric, found, expected):
    assert loses_much(metric, 0.8999, found) is expected


def test_the_first_is_told():
    told = describe_loss(
        {"loss": 3.0, "accuracy": 0.9, "macro_f1": 0.8, "r2": 0.8},
        {"loss": 0.0, "accuracy": 0.88, "macro_f1": 0.6, "r2": 0.1},
        in_float=False,
    )
    assert "macro_f1 is 0.6000, and that of the original 0.8000" in told
    assert "cpu_float16" in told


def test_float_files_need_no_other_target():
    told = describe_loss({"r2": 0.9}, {"r2": 0.1}, in_float=True)
    assert "epochs" in told
    assert "cpu_float16" not in told


def test_little_is_not_told():
    assert describe_loss({"r2": 0.9}, {"r2": 0.86}, in_float=False) is None
    assert describe_loss({"r2": 0.9}, {"rmse": 0.1}, in_float=False) is None


def test_exactly_five_points_are_not_much():
    # In floats 0.75 - 0.70 is 0.05000000000000004.
    assert not loses_much("accuracy", 0.75, 0.70)
    assert loses_much("accuracy", 0.75, 0.6999)

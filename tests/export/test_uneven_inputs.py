import numpy as np

from tfcompress.export.verification.uneven_inputs import describe_uneven


def test_columns_of_very_different_ranges():
    table = np.array([[0.0, 5.0, -500.0], [1.0, 5.0, 500.0]], np.float32)
    told = describe_uneven({"table": table})
    assert "'table'" in told
    assert "from 1 to 1e+03 wide" in told
    assert "cpu_float16" in told


def test_like_columns_share_a_scale():
    images = np.random.default_rng(0).random((4, 8, 8, 3), np.float32)
    whole = np.array([[0, 0], [1, 1000]])
    assert describe_uneven({"images": images, "words": whole}) is None
    assert describe_uneven({"row": np.array([0.0, 1000.0])}) is None
    assert describe_uneven({"constant": np.array([[0.0, 7.0], [1.0, 7.0]])}) is None

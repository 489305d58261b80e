import ml_dtypes
import numpy as np
import pytest

from tfcompress.distillation.programs.weight_files import read_arrays, write_arrays
from tfcompress.errors import OutputError


def test_arrays_and_notes_come_back(tmp_path):
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=(2, 3)), np.int64(7), np.zeros((0, 4), np.float16)]
    arrays += [np.full(2, index) for index in range(20)]
    write_arrays(tmp_path / "state.npz", arrays, {"epoch": 3, "loss": [0.5]})
    again, notes = read_arrays(tmp_path / "state.npz")
    for first, second in zip(arrays, again, strict=True):
        np.testing.assert_array_equal(first, second)
        assert np.asarray(first).dtype == second.dtype
    assert notes == {"epoch": 3, "loss": [0.5]}


def test_bfloat16_comes_back_as_float32(tmp_path):
    array = np.array([1.0, -3.140625, 1e30], ml_dtypes.bfloat16)
    write_arrays(tmp_path / "state.npz", [array], {})
    (again,), _ = read_arrays(tmp_path / "state.npz")
    assert again.dtype == np.float32
    np.testing.assert_array_equal(again.astype(ml_dtypes.bfloat16), array)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 torn", b"no archive at all"])
def test_damaged_file(tmp_path, content):
    (tmp_path / "state.npz").write_bytes(content)
    with pytest.raises(OutputError, match=r"state\.npz cannot be read"):
        read_arrays(tmp_path / "state.npz")

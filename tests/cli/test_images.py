import numpy as np
import pytest

from tfcompress.cli.images import load_digits, load_file
from tfcompress.errors import DataError


def arrays(**changes):
    rng = np.random.default_rng(0)
    base = {
        "x_train": rng.integers(0, 256, (40, 6, 6), dtype=np.uint8),
        "y_train": np.arange(40) % 4,
        "x_test": rng.integers(0, 256, (12, 6, 6), dtype=np.uint8),
        "y_test": np.arange(12) % 4,
    }
    merged = base | changes
    return {name: value for name, value in merged.items() if value is not None}


def save(tmp_path, **changes):
    path = tmp_path / "images.npz"
    np.savez(path, **arrays(**changes))
    return path


def test_digits_are_split_the_same_way_by_the_same_seed():
    first, again, other = load_digits(0), load_digits(0), load_digits(1)
    assert len(first.train[0]) + len(first.validation[0]) + len(first.test[0]) == 1797
    np.testing.assert_array_equal(first.test[0], again.test[0])
    np.testing.assert_array_equal(first.validation[1], again.validation[1])
    assert not np.array_equal(first.test[1], other.test[1])


def test_no_image_is_in_two_parts():
    images = load_digits(0)
    parts = [images.train[0], images.validation[0], images.test[0]]
    joined = np.concatenate(parts).reshape(1797, -1)
    assert len(np.unique(joined, axis=0)) == 1797


def test_file(tmp_path):
    given = arrays()
    images = load_file(save(tmp_path), seed=0)
    assert images.classes == 4
    assert images.train[0].shape == (36, 6, 6, 1)
    assert images.validation[0].shape == (4, 6, 6, 1)
    np.testing.assert_allclose(images.test[0][..., 0], given["x_test"] / 255, rtol=1e-6)
    assert images.test[0].dtype == np.float32


def test_colour_and_labels_in_a_column(tmp_path):
    x = np.zeros((40, 6, 6, 3), np.uint8)
    path = save(
        tmp_path, x_train=x, x_test=x[:12], y_train=(np.arange(40) % 4)[:, None]
    )
    images = load_file(path, seed=0)
    assert images.train[0].shape == (36, 6, 6, 3)
    assert images.train[1].shape == (36,)


def test_other_ranges_of_pixels(tmp_path):
    x = np.linspace(0, 16, 40 * 36).reshape(40, 6, 6)
    images = load_file(save(tmp_path, x_train=x, x_test=x[:12]), seed=0)
    assert max(images.train[0].max(), images.validation[0].max()) == 1.0
    assert "divided by 16" in images.prepared


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"y_test": None}, "Missing: y_test"),
        ({"y_train": np.array([{}] * 40, dtype=object)}, "Python objects are refused"),
        ({"x_train": np.full((40, 6, 6), np.nan)}, "x_train must hold finite"),
        ({"x_test": np.full((12, 6, 6), np.inf)}, "x_test must hold finite"),
        ({"y_test": np.full(12, 4)}, "y_test must hold class numbers from 0 to 3"),
        ({"y_train": np.arange(40) % 4 - 1}, "y_train must hold class numbers"),
        ({"y_train": np.arange(40) / 7}, "not whole"),
        ({"y_train": np.zeros(40, int)}, "two classes at least"),
        ({"y_train": np.array(["a"] * 40)}, "y_train must be an array of numbers"),
        ({"y_train": np.array(3)}, "y_train must hold samples"),
        ({"y_train": np.arange(40) * 10**6}, "up to 9999 at most"),
        ({"x_test": np.zeros((12, 6, 6), np.float32)}, "same range"),
        ({"x_test": np.zeros((12, 7, 6), np.uint8)}, "same shape"),
        ({"x_train": np.zeros((40, 36), np.uint8)}, "must hold images"),
        ({"x_train": np.zeros((0, 6, 6)), "y_train": np.zeros(0)}, "two images"),
        ({"y_train": np.arange(39) % 4}, "one class number for each image"),
        ({"x_train": np.zeros((40, 2, 2)), "x_test": np.zeros((12, 2, 2))}, "4 pixels"),
    ],
)
def test_bad_arrays(tmp_path, changes, message):
    with pytest.raises(DataError, match=message):
        load_file(save(tmp_path, **changes), seed=0)


def test_missing_file(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        load_file(tmp_path / "nowhere.npz", seed=0)


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04broken"])
def test_damaged_file(tmp_path, content):
    path = tmp_path / "images.npz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"images\.npz"):
        load_file(path, seed=0)


def test_damaged_compressed_file(tmp_path):
    path = tmp_path / "images.npz"
    np.savez_compressed(path, **arrays())
    content = bytearray(path.read_bytes())
    content[200:240] = bytes(40)
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"images\.npz"):
        load_file(path, seed=0)


def test_single_array(tmp_path):
    path = tmp_path / "images.npz"
    with open(path, "wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(DataError, match="holds a single array"):
        load_file(path, seed=0)


def test_folder(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        load_file(tmp_path, seed=0)

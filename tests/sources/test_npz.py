import zipfile

import numpy as np
import pytest

from tests.sources.files import save, sizes, write
from tfcompress.errors import ArgumentError, DataError
from tfcompress.sources import read_data

RNG = np.random.default_rng(0)


def test_parts_of_a_file_are_kept(models):
    x = RNG.random((30, 4))
    y = np.arange(30) % 3
    name = save(
        x_train=x[:15], y_train=y[:15], x_validation=x[15:20], y_validation=y[15:20],
        x_test=x[20:], y_test=y[20:],
    )  # fmt: skip
    data = read_data(name, model=models["row"])
    assert data.name == "data.npz"
    assert sizes(data) == [15, 5, 10]
    np.testing.assert_array_equal(data.test[0], x[20:].astype(np.float32))
    np.testing.assert_array_equal(data.validation[1], y[15:20])


def test_what_is_missing_is_drawn_from_what_trains():
    x = np.arange(100)[:, None]
    y = np.repeat([0, 1], [80, 20])
    whole = read_data(save(x=x, y=y), shares=(0.1, 0.3), seed=3)
    assert sizes(whole) == [60, 10, 30]
    for part, ones in ((whole.train, 12), (whole.validation, 2), (whole.test, 6)):
        assert part[1].sum() == ones
    joined = np.concatenate([whole.train[0], whole.validation[0], whole.test[0]])
    np.testing.assert_array_equal(np.sort(joined.ravel()), x.ravel())
    again = read_data(save(x=x, y=y), shares=(0.1, 0.3), seed=3)
    np.testing.assert_array_equal(whole.test[0], again.test[0])
    other = read_data(save(x=x, y=y), shares=(0.1, 0.3), seed=4)
    assert not np.array_equal(whole.test[0], other.test[0])
    tested = read_data(save(x_train=x, y_train=y, x_test=x, y_test=y))
    assert sizes(tested) == [90, 10, 100]


@pytest.mark.parametrize(
    "names",
    [
        ("train_images", "train_labels", "val_images", "val_labels"),
        ("X_train", "Y_train", "X_val", "Y_val"),
        ("data_training", "targets_training", "data_valid", "targets_valid"),
    ],
)
def test_other_names(names):
    x, y = np.zeros((20, 4)), np.arange(20) % 2
    arrays = dict(zip(names, (x, y, x[:6], y[:6]), strict=True))
    assert sizes(read_data(save(**arrays, meta=np.zeros(3)))) == [16, 6, 4]


@pytest.mark.parametrize("dtype", ["uint8", "int64", "float64", "float16", "bool"])
def test_numbers_take_the_dtype_of_the_model(models, dtype):
    x = (RNG.random((40, 6, 6)) * 4).astype(dtype)
    data = read_data(save(x=x, y=np.arange(40) % 2), model=models["grey"])
    assert data.train[0].dtype == np.float32
    assert data.train[0].shape == (28, 6, 6, 1)
    largest = max(part[0].max() for part in (data.train, data.validation, data.test))
    assert largest == x.astype(np.float32).max()


def test_axis_of_one_channel_is_taken_away(models):
    x = np.zeros((40, 6, 6, 1), np.uint8)
    data = read_data(save(x=x, y=np.arange(40) % 2), model=models["flat"])
    assert data.test[0].shape == (8, 6, 6)


def test_divided(models):
    x = np.full((40, 6, 6, 1), 51, np.uint8)
    name = save(x=x, y=np.arange(40) % 2)
    data = read_data(name, model=models["grey"], divide_by=255)
    np.testing.assert_allclose(data.train[0], 0.2, rtol=1e-6)


@pytest.mark.parametrize(
    ("y", "expected"),
    [
        (np.arange(40) % 3, np.arange(40) % 3),
        ((np.arange(40) % 3)[:, None].astype(np.uint8), np.arange(40) % 3),
        ((np.arange(40) % 3).astype(np.float64), np.arange(40) % 3),
        (np.array(["a", "b", "c"] * 13 + ["a"]), np.array([0, 1, 2] * 13 + [0])),
        (np.eye(3)[np.arange(40) % 3], np.eye(3)[np.arange(40) % 3]),
    ],
    ids=["numbers", "column", "floats", "names", "one-hot"],
)
def test_labels(models, y, expected):
    x = np.repeat(np.arange(40)[:, None], 4, axis=1)
    data = read_data(save(x=x, y=y), model=models["row"])
    for inputs, labels in (data.train, data.validation, data.test):
        np.testing.assert_array_equal(labels, expected[inputs[:, 0].astype(int)])
        assert labels.dtype in (np.int64, np.float32)


def test_real_labels(models):
    name = save(x=RNG.random((40, 2)), y=RNG.random(40))
    data = read_data(name, model=models["number"])
    assert data.train[1].dtype == np.float32


def test_class_names_of_a_file():
    y = np.array(["cat", "dog"] * 20)
    data = read_data(save(x=np.zeros((40, 4)), y=y))
    assert data.class_names == ("cat", "dog")
    names = np.array(["dog", "cat"])
    data = read_data(save(x=np.zeros((40, 4)), y=y, class_names=names))
    assert data.class_names == ("dog", "cat")
    assert data.train[1].dtype == np.int64


def test_several_inputs(models):
    age, size = np.arange(40), np.arange(40) * 0.5
    name = save(x_age=age, x_size=size, y=np.arange(40) % 2)
    data = read_data(name, model=models["two"])
    assert {key: value.shape for key, value in data.train[0].items()} == {
        "age": (28, 1),
        "size": (28, 1),
    }
    np.testing.assert_array_equal(data.test[0]["age"], data.test[0]["size"] * 2)


@pytest.mark.parametrize("form", ["{}", "train_{}", "{}_train", "x_{}", "x_train_{}"])
def test_several_inputs_by_their_names(models, form):
    part = "_train" if "train" in form else ""
    arrays = {form.format(name): np.arange(40.0) for name in ("age", "size")}
    name = save(**arrays, **{f"y{part}": np.arange(40) % 2})
    assert set(read_data(name, model=models["two"]).train[0]) == {"age", "size"}


def test_one_input_by_its_name(models):
    name = save(row=RNG.random((40, 4)), y=np.arange(40) % 3)
    assert read_data(name, model=models["row"]).train[0].shape == (28, 4)


def test_few_samples_of_a_class_are_drawn_anyhow():
    y = np.array([0] * 19 + [1])
    assert sizes(read_data(save(x=np.zeros((20, 4)), y=y))) == [14, 2, 4]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": np.zeros((4, 2))}, "Missing: y"),
        ({"x": np.zeros((4, 2)), "z": np.zeros(4)}, r"Missing: y.*\['x', 'z'\]"),
        ({"x_train": np.zeros((4, 2)), "y_train": np.zeros(3)}, "same number of sampl"),
        ({"x_test": np.zeros((4, 2)), "y_test": np.zeros(4)}, "x_train, y_train"),
        ({"a": np.zeros(3)}, r"must hold the arrays x and y.*with \['a'\]"),
        ({"x": np.zeros((0, 2)), "y": np.zeros(0)}, "one sample at least"),
        ({"x": np.zeros((2, 2)), "y": np.zeros(2)}, "too few samples"),
        ({"x": np.zeros(4), "x_a": np.zeros(4), "y": np.zeros(4)}, "with both"),
        ({"x": np.zeros((4, 2)), "y": np.array(3)}, "y is a single number"),
        ({"x": np.zeros(4), "X": np.zeros(4), "y": np.zeros(4)}, "X is another one"),
        ({"x": np.array([{}] * 4), "y": np.zeros(4)}, "Python objects are refused"),
        ({"x": np.zeros((9, 2), complex), "y": np.zeros(9)}, "numbers or text"),
        (
            {
                "x_train": np.zeros((9, 2)), "y_train": np.array(["a"] * 9),
                "x_test": np.zeros((9, 2)), "y_test": np.array(["b"] * 9),
            },
            "classes of the test must be among.*Received: 'b'",
        ),
    ],
)  # fmt: skip
def test_bad_arrays(arrays, message):
    with pytest.raises(DataError, match=message):
        read_data(save(**arrays))


@pytest.mark.parametrize(
    ("name", "array", "row", "value", "message"),
    [
        ("x", "x", 37, np.nan, "x of 'data.npz' .* in sample 37"),
        ("x", "y", 38, 7, r"y of 'data.npz' \(see sample 38\) .* from 0 to 2, .*to 7"),
        ("x", "y", 39, -1, "see sample 39"),
        ("x_test", "x", 3, np.inf, "x of test of 'data.npz' .* in sample 3"),
        ("x_test", "y", 2, 3, "y of test of 'data.npz' .*see sample 2"),
    ],
)
def test_samples_are_named_as_in_the_file(models, name, array, row, value, message):
    parts = {"x": RNG.random((40, 4)), "y": np.arange(40) % 3}
    arrays = {f"{key}_train": each.copy() for key, each in parts.items()}
    arrays |= {f"{key}_test": each[:20].copy() for key, each in parts.items()}
    if name == "x":
        arrays = parts
    arrays[array if name == "x" else f"{array}_test"][row] = value
    with pytest.raises(DataError, match=message):
        read_data(save(**arrays), model=models["row"], seed=5)


def test_unknown_input(models):
    name = save(x_ages=np.zeros(40), x_size=np.zeros(40), y=np.arange(40) % 2)
    with pytest.raises(DataError, match="'ages'; nearest: age"):
        read_data(name, model=models["two"])


@pytest.mark.parametrize(
    "options",
    [
        {"divide_by": 0},
        {"divide_by": "255"},
        {"label": "y"},
        {"spec": "spec.yaml"},
        {"shares": (0.5, 0.5)},
        {"shares": (0.1,)},
        {"shares": (-0.1, 0.2)},
    ],
)
def test_bad_options(options):
    with pytest.raises(ArgumentError, match="Received: "):
        read_data(save(x=np.zeros((9, 2)), y=np.zeros(9)), **options)


def test_vocabulary_for_numbers(models):
    name = save(x=np.zeros((9, 4)), y=np.zeros(9))
    write("words.txt", "cat", "dog")
    with pytest.raises(ArgumentError, match="for data of text"):
        read_data(name, model=models["row"], vocabulary="words.txt")


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04broken"])
def test_damaged_file(tmp_path, content):
    (tmp_path / "data.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"data\.npz"):
        read_data("data.npz")


@pytest.mark.parametrize("seed", range(10))
def test_damaged_compressed_file(tmp_path, seed):
    rng = np.random.default_rng(seed)
    np.savez_compressed("data.npz", x=rng.random((40, 4)), y=np.arange(40))
    content = bytearray((tmp_path / "data.npz").read_bytes())
    start = int(rng.integers(0, len(content) - 40))
    content[start : start + 40] = bytes(40)
    (tmp_path / "data.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"data\.npz"):
        read_data("data.npz")


def test_single_array_and_folder(tmp_path):
    with open("data.npz", "wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(DataError, match="holds a single array"):
        read_data("data.npz")
    (tmp_path / "folder.npz").mkdir()
    with pytest.raises(DataError, match="folder with none of these"):
        read_data("folder.npz")


def test_file_beside_arrays(tmp_path):
    save(x=np.zeros((9, 2)), y=np.zeros(9))
    with zipfile.ZipFile("data.npz", "a") as archive:
        archive.writestr("class_names", "no array")
    with pytest.raises(DataError, match="class_names is none"):
        read_data("data.npz")

import numpy as np
import pytest
import tensorflow as tf

from tests.sources.files import sizes
from tfcompress.errors import DataError
from tfcompress.sources import read_data


def write_images(folder, count, *, size=(6, 6), channels=1, suffix="png", value=None):
    for name in ("cat", "dog"):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            level = (200 if name == "dog" else 20) if value is None else value
            pixels = np.full((*size, channels), level, np.uint8)
            encode = tf.io.encode_png if suffix == "png" else tf.io.encode_jpeg
            content = encode(pixels).numpy()
            (folder / name / f"{number}.{suffix}").write_bytes(content)


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_images_by_class(tmp_path, models, suffix):
    write_images(tmp_path / "pets", 10, suffix=suffix)
    data = read_data("pets", model=models["grey"])
    assert data.name == "pets"
    assert data.class_names == ("cat", "dog")
    assert sizes(data) == [14, 2, 4]
    x, y = data.train
    assert x.shape == (14, 6, 6, 1)
    assert x.dtype == np.float32
    np.testing.assert_allclose(x[y == 0], 20, atol=2)
    np.testing.assert_allclose(x[y == 1], 200, atol=2)


def test_images_in_parts_take_size_and_channels_of_the_model(tmp_path, models):
    for part, count in {"train": 4, "val": 2, "test": 3}.items():
        write_images(tmp_path / "pets" / part, count, size=(9, 7))
    data = read_data("pets", model=models["colour"], divide_by=10)
    assert sizes(data) == [8, 4, 6]
    assert data.train[0].shape == (8, 4, 5, 3)
    np.testing.assert_allclose(data.train[0][data.train[1] == 0], 2, rtol=1e-5)
    assert read_data("pets", model=models["flat"]).test[0].shape == (6, 6, 6)


def test_images_of_four_channels(tmp_path, models):
    write_images(tmp_path / "pets", 5, channels=4)
    assert read_data("pets", model=models["four"]).test[0].shape == (2, 6, 6, 4)


@pytest.mark.parametrize("suffix", ["bmp", "gif", "jpg", "png"])
@pytest.mark.parametrize(
    ("mode", "model", "shape"),
    [
        ("RGB", "grey", (6, 6, 1)),
        ("L", "colour", (4, 5, 3)),
        ("RGB", "four", (6, 6, 4)),
        ("L", "four", (6, 6, 4)),
    ],
)
def test_channels_of_every_format(tmp_path, models, suffix, mode, model, shape):
    from PIL import Image

    for name, level in (("black", 0), ("white", 255)):
        (tmp_path / "pets" / name).mkdir(parents=True)
        image = Image.fromarray(np.full((6, 6), level, np.uint8)).convert(mode)
        for number in range(5):
            image.save(tmp_path / "pets" / name / f"{number}.{suffix}")
    x, y = read_data("pets", model=models[model]).train
    assert x.shape == (7, *shape)
    np.testing.assert_allclose(x[..., 0], 255.0 * y[:, None, None] * np.ones(shape[:2]))
    if shape[2] == 4:
        np.testing.assert_allclose(x[..., 3], 255.0)


def test_images_without_a_model_are_as_large_as_the_first(tmp_path):
    write_images(tmp_path / "pets", 5, size=(3, 8), channels=3)
    assert read_data("pets").train[0].shape == (7, 3, 8, 3)


def test_many_images_stay_in_their_files(tmp_path, models, monkeypatch):
    from tfcompress.sources import image_loader

    write_images(tmp_path / "pets", 20)
    monkeypatch.setattr(image_loader, "MOST_BYTES", 500)
    data = read_data("pets", model=models["grey"], divide_by=2)
    assert isinstance(data.train, tf.data.Dataset)
    x, y = next(data.train.as_numpy_iterator())
    assert x.shape == (28, 6, 6, 1)
    np.testing.assert_allclose(x[:, 0, 0, 0], np.where(y == 1, 100, 10))
    assert 0 < y[:14].sum() < 14


@pytest.mark.parametrize("content", [b"", b"no image", "half"])
def test_broken_image_is_named(tmp_path, models, content):
    write_images(tmp_path / "pets", 5)
    path = tmp_path / "pets" / "dog" / "3.png"
    path.write_bytes(path.read_bytes()[:60] if content == "half" else content)
    with pytest.raises(DataError, match=r"image cannot be read.*dog/3\.png") as raised:
        read_data("pets", model=models["grey"])
    assert "\n" not in str(raised.value)


def test_images_for_a_model_of_rows(tmp_path, models):
    write_images(tmp_path / "pets", 5)
    with pytest.raises(DataError, match="must take them"):
        read_data("pets", model=models["row"])


def test_other_classes_in_a_part(tmp_path):
    write_images(tmp_path / "pets" / "train", 3)
    write_images(tmp_path / "pets" / "test", 3)
    (tmp_path / "pets" / "test" / "dog").rename(tmp_path / "pets" / "test" / "cow")
    with pytest.raises(DataError, match="test must be among.*with cow"):
        read_data("pets")


def test_one_class_of_images(tmp_path):
    write_images(tmp_path / "pets", 3)
    (tmp_path / "pets" / "dog").rename(tmp_path / "dogs")
    with pytest.raises(DataError, match="two at the least.*with cat"):
        read_data("pets")


@pytest.mark.parametrize("name", ["nothing", "notes", "nested"])
def test_folder_of_nothing(tmp_path, name):
    (tmp_path / name / "a" / "b").mkdir(parents=True)
    if name == "notes":
        (tmp_path / name / "notes.txt").write_text("none")
    with pytest.raises(DataError, match="folder with none of these"):
        read_data(name)

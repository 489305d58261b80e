import base64
import io

import matplotlib.image
import numpy as np

from tfcompress.data import batches
from tfcompress.report.seen_inputs import SeenInputs, write_picture


def seen(x):
    inputs = SeenInputs(x)
    read = list(batches(inputs))
    return inputs, read


def test_data_pass_through_as_they_are():
    images, labels = np.arange(300 * 64.0).reshape(300, 8, 8, 1), np.arange(300)
    inputs, read = seen((images, labels))
    np.testing.assert_array_equal(np.concatenate([b.x for b in read]), images)
    np.testing.assert_array_equal(np.concatenate([b.y for b in read]), labels)
    np.testing.assert_array_equal(inputs[299].picture, images[299])
    assert inputs[1].words == "64 65 66 67 68 69 … (8 x 8 x 1)"


def test_large_images_become_small():
    images = np.random.default_rng(0).normal(size=(2, 100, 50, 3))
    picture = seen(images)[0][1].picture
    np.testing.assert_array_equal(picture, images[1, ::3, ::3])
    assert max(picture.shape) <= 48


def test_channels_may_come_first_or_not_at_all():
    images = np.random.default_rng(0).normal(size=(2, 3, 20, 30))
    picture = seen(images)[0][0].picture
    np.testing.assert_array_equal(picture, images[0].transpose(1, 2, 0))
    picture = seen(images[:, 0])[0][0].picture
    np.testing.assert_array_equal(picture[..., 0], images[0, 0])


def test_inputs_without_the_shape_of_images():
    inputs, _ = seen({"text": np.array(["a", "b"]), "ids": np.array([[7, 8], [9, 10]])})
    assert inputs[1].picture is None
    assert inputs[1].words == "text: b; ids: 9 10"
    assert seen(np.zeros((2, 4, 4, 1)))[0][0].picture is None
    assert seen(np.zeros((2, 16, 16, 12)))[0][0].picture is None


def test_first_image_of_several_inputs():
    inputs, _ = seen({"a": np.zeros((3, 5)), "b": np.ones((3, 9, 9))})
    np.testing.assert_array_equal(inputs[2].picture, np.ones((9, 9, 1)))


def test_pictures_are_png_with_the_numbers_as_greys():
    picture = np.array([[[-1.0], [0.0]], [[1.0], [3.0]]])
    uri = write_picture(picture, -1.0, 1.0)
    start = "data:image/png;base64,"
    assert uri.startswith(start)
    pixels = matplotlib.image.imread(io.BytesIO(base64.b64decode(uri[len(start) :])))
    np.testing.assert_allclose(pixels[..., 0], [[0, 0.5], [1, 1]], atol=0.005)
    np.testing.assert_array_equal(pixels[..., 0], pixels[..., 2])


def test_pictures_do_not_fill_the_memory(monkeypatch):
    monkeypatch.setattr("tfcompress.report.seen_inputs._BYTES", 300 * 8 * 8 * 8)
    inputs, _ = seen(np.ones((1000, 8, 8, 1)))
    assert inputs[255].picture is not None
    assert inputs[256].picture is None
    assert inputs[999].picture is None
    assert inputs[999].words == "1 1 1 1 1 1 … (8 x 8 x 1)"

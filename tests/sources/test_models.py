import numpy as np
import pytest

from tests.models import build_classifier
from tfcompress.errors import ModelError
from tfcompress.sources import read_model

CODE = """
import keras, tf_keras

def three(): return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
def two(): return tf_keras.Sequential([tf_keras.Input((4,)), tf_keras.layers.Dense(3)])
def unbuilt(): return keras.Sequential([keras.layers.Dense(3)])
def layer(): return keras.layers.Dense(3)
def nothing(): pass
def raises(): raise ValueError("no weights")
def needs(width): pass

class Own(keras.Model):
    pass

def own(): return Own()
"""


@pytest.fixture(scope="module")
def folder(either_keras, tmp_path_factory):
    """Files of a model of each Keras."""
    place = tmp_path_factory.mktemp("models")
    model = build_classifier(either_keras)
    model.save(place / "model.keras")
    model.save(place / "model.h5")
    if either_keras.__name__ == "tf_keras":
        model.save(place / "saved")
    else:
        model.export(place / "exported", verbose=False)
    (place / "code_of_models.py").write_text(CODE)
    return place, model


def test_files(folder):
    place, model = folder
    x = np.random.default_rng(0).random((2, 8, 8, 1), np.float32)
    for path in sorted(place.glob("model.*")) + sorted(place.glob("saved")):
        loaded = read_model(path)
        assert (
            type(loaded).__module__.split(".")[0]
            == type(model).__module__.split(".")[0]
        )
        np.testing.assert_allclose(
            loaded.predict_on_batch(x), model.predict_on_batch(x), atol=1e-6
        )


def test_exported_functions_are_no_model(folder):
    place, _ = folder
    if (place / "exported").exists():
        with pytest.raises(ModelError, match="functions alone.*Bring the model"):
            read_model(place / "exported")


@pytest.mark.parametrize("name", ["three", "two"])
def test_functions(folder, monkeypatch, name):
    monkeypatch.chdir(folder[0])
    for home in (
        "code_of_models",
        "code_of_models.py",
        f"{folder[0]}/code_of_models.py",
    ):
        assert read_model(f"{home}:{name}").count_params() == 15


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("code_of_models:unbuilt", "not built"),
        ("code_of_models:layer", "returned a Dense"),
        ("code_of_models:nothing", "returned a NoneType"),
        ("code_of_models:raises", "raised an error: ValueError: no weights"),
        ("code_of_models:needs", "needs no arguments"),
        ("code_of_models:own", "functional or Sequential"),
        ("code_of_models:there", "no function 'there'"),
        ("code_of_model:three", "no such module.*here are code_of_models"),
        ("code_of_model.py:three", "no such file"),
        ("modle.keras", r"no such file.*model\.keras"),
        ("model.tflite", "cannot be trained again"),
        ("text.keras", "damaged"),
        ("empty", r"without saved_model\.pb"),
        ("damaged", "damaged"),
    ],
)
def test_bad_models(folder, monkeypatch, text, message):
    place = folder[0]
    monkeypatch.chdir(place)
    (place / "text.keras").write_text("no model")
    (place / "empty").mkdir(exist_ok=True)
    (place / "damaged").mkdir(exist_ok=True)
    for name in ("saved_model.pb", "keras_metadata.pb"):
        (place / "damaged" / name).write_bytes(b"\x12\xffno model")
    with pytest.raises(ModelError, match=message) as raised:
        read_model(text)
    assert "\n" not in str(raised.value)


def test_saved_model_with_code_is_refused(tmp_path):
    import tf_keras

    inputs = tf_keras.Input((4,))
    double = tf_keras.layers.Lambda(lambda x: x * 2.0)(inputs)
    tf_keras.Model(inputs, double).save(tmp_path / "saved")
    with pytest.raises(ModelError, match=r"Lambda.*trusted=True"):
        read_model(tmp_path / "saved")
    model = read_model(tmp_path / "saved", trusted=True)
    assert model.predict_on_batch(np.ones((1, 4)))[0, 0] == 2.0

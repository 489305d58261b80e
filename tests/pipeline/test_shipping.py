"""What is said while a file is written."""

import warnings

import pytest

from tfcompress.pipeline import Export, shipping
from tfcompress.pipeline.shipping import export_model


def test_warnings_name_the_folder_that_stays(tmp_path, monkeypatch):
    folder, place = tmp_path / ".work" / "0f3a", tmp_path / "01-export"

    def write(stage, target, model, folder, train):
        warnings.warn(f"{folder / 'model.tflite'}: too large", stacklevel=1)
        return "the artifact"

    monkeypatch.setattr(shipping, "_write", write)
    with pytest.warns(UserWarning, match="too large") as caught:
        left = export_model(Export(), None, None, folder, place, None)
    assert left == "the artifact"
    (warning,) = caught
    assert str(warning.message) == f"{place / 'model.tflite'}: too large"
    assert warning.filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match="too large"):
            export_model(Export(), None, None, folder, place, None)

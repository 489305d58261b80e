"""The examples of the pages in `docs/` run, one after the other, as they stand."""

import re
from pathlib import Path

import keras
import numpy as np
import pytest

import tfcompress as tfc

DOCUMENTS = Path(__file__).parents[2] / "docs"


def test_examples_about_quantization_run(teacher, digits, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (x, y), _ = digits
    names = {
        "tfc": tfc,
        "np": np,
        "teacher": teacher,
        "trained": teacher,
        "x": x,
        "y": y,
        "loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    }
    page = (DOCUMENTS / "quantization.md").read_text("utf-8")
    blocks = re.findall(r"```python\n(.*?)```", page, re.S)
    assert len(blocks) == 7
    for block in blocks:
        exec(compile(block, "quantization.md", "exec"), names)
    assert names["artifact"].bytes > 0
    assert names["widths"].met
    assert (tmp_path / "analysis.png").exists()


@pytest.mark.slow
def test_examples_about_clustering_run(teacher, digits, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (x, y), test = digits
    names = {
        "tfc": tfc,
        "trained": teacher,
        "x": x,
        "y": y,
        "test": test,
        "loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    }
    page = (DOCUMENTS / "clustering.md").read_text("utf-8")
    blocks = re.findall(r"```python\n(.*?)```", page, re.S)
    assert len(blocks) == 2
    for block in blocks:
        exec(compile(block, "clustering.md", "exec"), names)
    plain, *clustered = names["found"].values()
    packed = [gzip_bytes for _, gzip_bytes, _ in clustered]
    assert packed == sorted(packed, reverse=True)
    assert packed[0] < plain[1]
    assert min(accuracy for _, _, accuracy in clustered) > plain[2] - 0.04


def test_examples_about_measurement_run(teacher, digits, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (x, y), _ = digits
    names = {"tfc": tfc, "teacher": teacher, "x": x, "y": y}
    page = (DOCUMENTS / "measurement.md").read_text("utf-8")
    blocks = re.findall(r"```python\n(.*?)```", page, re.S)
    assert len(blocks) == 5
    for block in blocks:
        exec(compile(block, "measurement.md", "exec"), names)
    assert names["agreement"].share > 0.9
    assert {row.name for row in names["benchmark"].rows} == {"float", "int8"}
    assert names["profile"].multiply_adds > 0


def test_examples_about_export_run(teacher, digits, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (x, _), _ = digits
    names = {"tfc": tfc, "trained": teacher, "x": x}
    page = (DOCUMENTS / "export.md").read_text("utf-8")
    blocks = re.findall(r"```python\n(.*?)```", page, re.S)
    assert len(blocks) == 5
    for block in blocks:
        exec(compile(block, "export.md", "exec"), names)
    assert names["again"].operations["CONV_2D int8"] == 2
    assert names["vectors"].shape == (600, 16 * 24)
    written = tfc.export.read_metadata("bare.tflite")
    assert written.mean == (0.0,)
    assert written.labels == tuple("0123456789")
    listed = re.findall(r"`(\w+)`", page.split("## Targets")[1].split("A target is")[0])
    assert set(listed) == set(tfc.export.TARGETS)


def test_examples_about_the_pipeline_run(teacher, digits, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    train, validation = digits
    names = {"model": teacher, "train": train, "validation": validation}
    page = (DOCUMENTS / "pipeline.md").read_text("utf-8")
    blocks = re.findall(r"```python\n(.*?)```", page, re.S)
    assert len(blocks) == 2
    for block in blocks:
        exec(compile(block, "pipeline.md", "exec"), names)
    assert names["again"].stages["joint"].reused
    table = page.split("## Stages")[1].split("Every stage")[0]
    for kind, stage in tfc.pipeline.stages.KINDS.items():
        assert f"| `{stage.__name__}` | `{kind}` |" in table
    order = page.split("The order that works: ")[1].split(", each where")[0]
    assert " ".join(order.replace("`", "").split()) == tfc.pipeline.order.ORDER

import dataclasses
import itertools
import xml.etree.ElementTree

import matplotlib.image
import numpy as np
import pytest
from matplotlib.figure import Figure

from tfcompress.errors import ArgumentError
from tfcompress.report.plot_labels import place_labels

SIGNATURES = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}


@pytest.mark.parametrize("kind", sorted(SIGNATURES))
def test_formats(comparison, tmp_path, kind):
    path = tmp_path / f"plot.{kind}"
    comparison.plot(path)
    content = path.read_bytes()
    assert content.startswith(SIGNATURES[kind])
    comparison.plot(path)
    assert path.read_bytes() == content


def test_latency_and_metrics_of_other_kinds(comparison, regression, tmp_path):
    contents = set()
    for subject in (comparison, regression):
        for x in ("bytes", "latency_ms"):
            subject.plot(tmp_path / "plot.svg", x=x)
            contents.add((tmp_path / "plot.svg").read_bytes())
    assert len(contents) == 4
    with pytest.raises(ArgumentError, match="Received: x='price'"):
        comparison.plot(tmp_path / "plot.svg", x="price")


def test_long_names_and_equal_rows(comparison, tmp_path):
    row = dataclasses.replace(comparison.rows[0], name="a" * 100)
    rows = (row, dataclasses.replace(row, name="b" * 100))
    same = dataclasses.replace(comparison, rows=rows, reference=row.name)
    same.plot(tmp_path / "plot.png")
    pixels = matplotlib.image.imread(tmp_path / "plot.png")
    assert (pixels[:, -1, :3] == 1.0).all()  # Nothing is cut off at the right.
    assert same.pareto == (rows[0].name, rows[1].name)


def test_svg_is_well_formed(comparison, hostile, tmp_path):
    for subject in (comparison, hostile):
        subject.plot(tmp_path / "plot.svg")
        root = xml.etree.ElementTree.parse(tmp_path / "plot.svg").getroot()
        assert root.tag.endswith("svg")


def test_other_formats(comparison, tmp_path):
    with pytest.raises(ArgumentError, match=r"\.png.*Received: path='.*plot\.txt'"):
        comparison.plot(tmp_path / "plot.txt")


def test_users_matplotlib_stays_as_it_is(comparison, tmp_path):
    settings = dict(matplotlib.rcParams)
    comparison.plot(tmp_path / "plot.svg")
    assert dict(matplotlib.rcParams) == settings


def place(points, names):
    figure = Figure(figsize=(5.4, 4.0), dpi=100, layout="constrained")
    axes = figure.add_subplot()
    axes.set_xscale("log")
    axes.set_xlim(1e3, 1e7)
    axes.set_ylim(90, 100)
    boxes = place_labels(figure, axes, points, names)
    return axes, boxes


@pytest.mark.parametrize("seed", range(5))
def test_labels_hide_neither_labels_nor_points(seed):
    generator = np.random.default_rng(seed)
    points = list(
        zip(
            10 ** generator.normal(5.0, 0.4, 8),
            generator.normal(96.0, 0.8, 8),
            strict=True,
        )
    )
    names = [f"model number {number}" for number in range(8)]
    axes, boxes = place(points, names)
    for first, second in itertools.combinations(boxes, 2):
        assert not first.overlaps(second)
    for x, y in axes.transData.transform(points):
        assert not any(box.contains(x, y) for box in boxes)
    border = axes.get_window_extent()
    for box in boxes:
        assert border.x0 - 1 <= box.x0 < box.x1 <= border.x1 + 1
        assert border.y0 - 1 <= box.y0 < box.y1 <= border.y1 + 1


def test_equal_points_have_labels_apart():
    _, (first, second) = place([(1e5, 95.0)] * 2, ["one", "two"])
    assert not first.overlaps(second)


def test_labels_are_shown_as_they_are():
    axes, _ = place([(1e5, 95.0)], ["$x_1$"])
    (label,) = axes.texts
    assert label.get_text() == "$x_1$"
    assert not label.get_parse_math()

"""The page as a reader meets it, in headless Chromium."""

import dataclasses

import numpy as np
import pytest
from scipy import sparse

from tests.report.browser import Browser
from tests.report.conftest import HOSTILE

pytestmark = pytest.mark.slow

PHONE, DESKTOP = 360, 1280
LONG = "distilled_from_a_teacher_and_pruned_to_80_percent_and_quantized_to_8_bits"
OVERFLOW = """
[...document.querySelectorAll("body *")].filter(element => {
  if (element.closest(".scroll") || element.closest("svg")) return false;
  const box = element.getBoundingClientRect();
  return box.width > 1 && (box.right > innerWidth + 1 || box.left < -1);
}).map(element => element.outerHTML.slice(0, 200))
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with Browser(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


@pytest.fixture(params=[PHONE, DESKTOP])
def width(request):
    return request.param


@pytest.fixture
def opened(browser, width, tmp_path):
    """Opens the page of a comparison."""

    def open_page(comparison, **arguments):
        path = tmp_path / "report.html"
        comparison.to_html(path, **arguments)
        browser.requests.clear()
        browser.complaints.clear()
        browser.open(path.as_uri(), width=width)
        return browser

    return open_page


def test_the_page_shows_all(opened, detailed, curves):
    page = opened(detailed, title="Digits", sensitivity=curves)
    text = page.value("document.body.innerText")
    for words in (
        "Digits",
        "shipped against teacher: file 41x smaller",
        "97.22 %",
        "0.0101 ms",
        "beaten by distilled + pruned",
        "block_1_expand_pointwise_convolution_2d",
        "answer 40 of 1,234 samples differently",
        "target cpu_int8",
        "no int8 dot products",
    ):
        assert words in text
    assert page.value("document.querySelectorAll('.confusion td').length") == 200
    assert page.value("document.querySelectorAll('svg').length") == 3
    loaded = "[...document.images].map(image => image.naturalWidth)"
    assert page.value(loaded) == [8] * 23


def test_the_page_asks_for_nothing_and_complains_of_nothing(opened, detailed, curves):
    page = opened(detailed, sensitivity=curves)
    assert [a for a in page.requests if not a.startswith("data:image/png")] == [
        page.value("location.href")
    ]
    assert page.complaints == []


def test_what_a_page_asks_for_and_complains_of_is_seen(browser, tmp_path):
    path = tmp_path / "page.html"
    path.write_text("<img src='none.png'><script>console.error('no')</script>")
    browser.requests.clear()
    browser.open(path.as_uri(), width=DESKTOP)
    assert (tmp_path / "none.png").as_uri() in browser.requests
    assert any("no" in complaint for complaint in browser.complaints)


def check_width(page, width):
    assert page.value("document.documentElement.scrollWidth") <= width
    assert page.value(OVERFLOW) == []


def test_the_page_is_as_wide_as_the_screen(opened, width, detailed, curves):
    check_width(opened(detailed, sensitivity=curves), width)


def test_long_names_and_twenty_classes(opened, width, detailed):
    rows = list(detailed.rows)
    rows[-1] = dataclasses.replace(rows[-1], name=LONG, made=LONG * 3)
    details = dataclasses.replace(
        detailed.details,
        confusion_matrices={LONG: sparse.csr_array(np.full((20, 20), 12345))},
        classes=(LONG,) * 20,
        layers={
            name: [dataclasses.replace(layer, name=LONG, bytes=10**9) for layer in part]
            for name, part in detailed.details.layers.items()
        },
        changes=dataclasses.replace(
            detailed.details.changes,
            shown=[
                dataclasses.replace(change, before=LONG, words=LONG)
                for change in detailed.details.changes.shown
            ],
        ),
    )
    page = opened(
        dataclasses.replace(detailed, rows=tuple(rows), details=details),
        title=LONG,
        notes={LONG: LONG},
    )
    check_width(page, width)
    inside = "document.querySelector('.confusion').parentElement.scrollWidth"
    assert page.value(inside) > width


def test_pairs_of_many_classes(opened, width, detailed):
    matrix = np.random.default_rng(0).integers(0, 1000, (100, 100))
    matrix = sparse.csr_array(matrix)
    details = dataclasses.replace(
        detailed.details,
        confusion_matrices={"teacher": matrix, "shipped": matrix},
        classes=(LONG,) * 100,
    )
    page = opened(dataclasses.replace(detailed, details=details))
    check_width(page, width)
    assert page.value("document.querySelectorAll('.pairs tbody tr').length") == 40


def test_many_metrics(opened, width, detailed):
    quality = {f"metric_number_{number}": 0.123456 for number in range(12)}
    rows = [dataclasses.replace(row, quality=quality) for row in detailed.rows]
    page = opened(dataclasses.replace(detailed, rows=tuple(rows)))
    assert page.value("document.documentElement.scrollWidth") <= width


def test_hostile_names_are_text(opened, hostile):
    page = opened(hostile, title=HOSTILE, notes={HOSTILE: HOSTILE})
    assert page.value("document.title") == HOSTILE
    assert page.value("document.scripts.length") == 0
    assert page.complaints == []


def test_contrast_of_words(opened, detailed):
    """WCAG 2.1 asks for 4.5, https://www.w3.org/TR/WCAG21/#contrast-minimum."""
    page = opened(detailed)
    pairs = page.value(
        """
[...document.querySelectorAll("td,th,dt,dd,p,li,h1,h2,h3,small,span")]
.filter(element => element.innerText).map(element => {
  let behind = element;
  const clear = "rgba(0, 0, 0, 0)";
  while (behind.parentElement && getComputedStyle(behind).backgroundColor === clear)
    behind = behind.parentElement;
  return [getComputedStyle(element).color, getComputedStyle(behind).backgroundColor];
})
"""
    )
    assert len(pairs) > 300
    for pair in {tuple(pair) for pair in pairs}:
        dark, light = sorted(map(luminance, pair))
        assert (light + 0.05) / (dark + 0.05) >= 4.5, pair


def luminance(color):
    """Relative luminance of a color as CSS writes it, on white."""
    numbers = [float(part) for part in color[color.index("(") + 1 : -1].split(",")]
    alpha = numbers[3] if len(numbers) == 4 else 1.0
    shares = [1 - alpha + alpha * number / 255 for number in numbers[:3]]
    linear = [
        share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4
        for share in shares
    ]
    return sum(
        part * weight
        for part, weight in zip(linear, (0.2126, 0.7152, 0.0722), strict=True)
    )


def test_without_chromium(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="apt-get install chromium"):
        Browser(tmp_path)

"""Comparisons with numbers chosen by hand."""

import numpy as np
import pytest
from scipy import sparse

from tfcompress.report import (
    Change,
    Changes,
    Comparison,
    Details,
    LayerCost,
    Row,
    SensitivityCurves,
)
from tfcompress.report.seen_inputs import write_picture

HOSTILE = "<script>alert(1)</script> | $x_1$ [bold]&\"'"


def row(name, accuracy, size, milliseconds, sparsity=0.0, **more):
    return Row(
        name=name,
        quality={
            "accuracy": accuracy,
            "macro_recall": accuracy - 0.01,
            "macro_f1": accuracy - 0.02,
        },
        parameters=size // 4,
        sparsity=sparsity,
        bytes=size,
        gzip_bytes=size // 2,
        latency_ms=milliseconds,
        agreement=accuracy,
        **more,
    )


def build(rows, **more):
    return Comparison(
        rows=tuple(rows),
        reference=rows[0].name,
        machine="Some CPU, x86_64, 2 CPUs, AVX2, no int8 dot products",
        samples=1234,
        threads=1,
        versions={"tfcompress": "0.1.0", "ai-edge-litert": "2.3.0"},
        **more,
    )


def rows_of_classifiers():
    return [
        row("teacher", 0.99, 820_000, 0.5),
        row("student alone", 0.9722, 81_000, 0.0502),
        row("distilled + pruned", 0.981, 81_000, 0.0501, sparsity=0.8),
        row("shipped", 0.98, 20_000, 0.0101, sparsity=0.8, made="target cpu_int8"),
    ]


@pytest.fixture
def comparison():
    return build(rows_of_classifiers())


@pytest.fixture
def regression():
    def each(name, mae, size, milliseconds):
        quality = {"mae": mae, "rmse": 1.5 * mae, "r2": 1 - mae}
        return Row(name, quality, size // 4, 0.0, size, size, milliseconds)

    rows = [each("large", 0.21, 9_000, 0.5), each("small", 0.1234567, 12_000, 0.25)]
    return build(rows, lower_is_better=("mae", "rmse"))


@pytest.fixture
def hostile():
    return build([row(HOSTILE, 0.9, 1000, 1.0), row("b", 0.9, 1000, 1.0)])


@pytest.fixture
def detailed():
    """A comparison with all that a page can show."""
    generator = np.random.default_rng(0)
    matrix = generator.integers(0, 40, (10, 10)) + 400 * np.eye(10, dtype=int)
    matrix = sparse.csr_array(matrix)
    pictures = [
        write_picture(generator.normal(size=(8, 8, 1)), -2.0, 2.0) for _ in range(23)
    ]
    shown = tuple(
        Change(
            index=17 * number,
            before="3",
            after=str(number % 3),
            label="3",
            words="x: 64: 1 2 3 4 5 6 …",
            picture=picture,
        )
        for number, picture in enumerate([*pictures, ""])
    )
    names = ["stem", "block_1_expand_pointwise_convolution_2d", "logits"]
    layers = {
        "teacher": [LayerCost(n, 4 * k, k, 0, 9 * k) for k, n in enumerate(names, 4)],
        "shipped": [LayerCost(n, k, k, 3, 9 * k) for k, n in enumerate(names[1:], 5)],
    }
    return build(
        rows_of_classifiers(),
        details=Details(
            layers={name: tuple(costs) for name, costs in layers.items()},
            confusion_matrices={"teacher": matrix, "shipped": matrix.T.tocsr()},
            classes=tuple(map(str, range(10))),
            changes=Changes(40, lost=20, won=15, p_value=0.5, shown=shown),
        ),
    )


@pytest.fixture
def curves():
    return SensitivityCurves(
        "accuracy",
        {
            name: ((0.0, 0.98), (0.5, 0.97 - 0.02 * number), (0.75, 0.9 - 0.1 * number))
            for number, name in enumerate(["stem", "block_1", "block_2", "logits"])
        },
    )

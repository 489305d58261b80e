"""A comparison with numbers chosen by hand."""

import pytest

from tfcompress.report import Comparison, Row

HOSTILE = "<script>alert(1)</script> | $x_1$ [bold]&\"'"


def row(name, accuracy, size, milliseconds, sparsity=0.0):
    return Row(
        name=name,
        accuracy=accuracy,
        macro_recall=accuracy - 0.01,
        macro_f1=accuracy - 0.02,
        parameters=size // 4,
        sparsity=sparsity,
        bytes=size,
        gzip_bytes=size // 2,
        latency_ms=milliseconds,
        agreement=accuracy,
    )


def build(rows):
    return Comparison(
        rows=tuple(rows),
        reference=rows[0].name,
        machine="Some CPU, x86_64, 2 CPUs, AVX2, no int8 dot products",
        samples=1234,
        threads=1,
        versions={"tfcompress": "0.1.0", "ai-edge-litert": "2.3.0"},
    )


@pytest.fixture
def comparison():
    return build(
        [
            row("teacher", 0.99, 820_000, 0.5),
            row("student alone", 0.9722, 81_000, 0.0502),
            row("distilled + pruned", 0.981, 81_000, 0.0501, sparsity=0.8),
            row("shipped", 0.98, 20_000, 0.0101, sparsity=0.8),
        ]
    )


@pytest.fixture
def hostile():
    return build([row(HOSTILE, 0.9, 1000, 1.0), row("b", 0.9, 1000, 1.0)])

import functools
import subprocess
import sys

import numpy as np
import pytest

from tfcompress.search.fingerprints import fingerprint_function


def scaled(model, data, factor=1.0):
    return factor * model


def with_default(value):
    def metric(model, data, value=value):
        return value

    return metric


def looks_up(a, b):
    return [lambda model, data: a, lambda model, data: b]


class Score:
    def __call__(self, model, data):
        return 1.0

    def other(self, model, data):
        return 2.0


DIFFERENT = [
    lambda model, data: 0.25,
    lambda model, data: 0.5,
    lambda model, data: model.a,
    lambda model, data: model.b,
    lambda model, data: [part + 1 for part in model],
    lambda model, data: [part + 2 for part in model],
    lambda model, data: model in {"a", "b", "c"},
    lambda model, data: model in {"a", "b", "d"},
    *looks_up(1, 2),
    scaled,
    functools.partial(scaled, factor=2.0),
    functools.partial(scaled, factor=3.0),
    with_default(1),
    with_default(2),
    with_default(np.zeros(2000)),
    with_default(np.arange(2000)),
    Score(),
    Score().other,
    max,
    min,
]


def test_functions_that_differ_are_told_apart():
    assert len({fingerprint_function(item) for item in DIFFERENT}) == len(DIFFERENT)


@pytest.mark.parametrize(
    "make",
    [
        lambda: with_default((1, "a", {"b"})),
        lambda: looks_up(1, 2)[0],
        lambda: functools.partial(scaled, factor=2.0),
        Score,
        lambda: Score().other,
    ],
)
def test_the_same_function_made_again_is_the_same(make):
    assert fingerprint_function(make()) == fingerprint_function(make())


@pytest.mark.slow
def test_a_fingerprint_is_the_same_in_every_process():
    """Sets of strings have another order in each."""
    code = (
        "from tfcompress.search.fingerprints import fingerprint_function\n"
        "f = lambda model, data: model in {'a', 'b', 'c'} and [x + 1 for x in data]"
        "\nprint(fingerprint_function(f))"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "TF_CPP_MIN_LOG_LEVEL": "3"},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1

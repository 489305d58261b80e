import dataclasses
import enum
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from tfcompress.errors import ArgumentError
from tfcompress.pipeline.fields import (
    Count,
    ModelSource,
    NotNegative,
    Part,
    Positive,
    Range,
    Seed,
    Share,
    check_fields,
    check_value,
    describe_hint,
)


@dataclasses.dataclass(frozen=True)
class Settings:
    epochs: Count = 10
    rate: Positive | None = None
    kind: Literal["a", "b"] = "a"
    bits: Literal[8, 16] = 8
    names: tuple[str, ...] = ()
    shares: Mapping[str, Share | None] | None = None
    anything: Any = None

    def __post_init__(self):
        check_fields(self)


def test_values_become_what_the_annotation_says():
    made = Settings(epochs=np.int64(3), rate=1, names=["x"], shares={"y": 1, "z": None})
    assert made == Settings(3, 1.0, "a", 8, ("x",), {"y": 1.0, "z": None})
    assert type(made.epochs) is int
    assert type(made.rate) is float
    assert type(Settings(rate=np.float32(0.5)).rate) is float
    assert type(Settings(bits=np.int32(16)).bits) is int
    assert Settings(anything=(1, {"x": (2,)})).anything == [1, {"x": [2]}]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epochs": 0}, "epochs must be a whole number of 1 or more. Received: epoc"),
        ({"epochs": 1.0}, "whole number"),
        ({"epochs": True}, "Received: epochs=True"),
        ({"epochs": "3"}, "Received: epochs='3'"),
        ({"epochs": None}, "whole number"),
        ({"rate": 0}, "rate must be a number above 0 or nothing"),
        ({"rate": float("nan")}, "above 0"),
        ({"rate": float("inf")}, "above 0"),
        ({"rate": 10**400}, "above 0"),
        ({"rate": 1j}, "above 0"),
        ({"kind": "c"}, "one of 'a', 'b'"),
        ({"kind": 1}, "one of 'a', 'b'"),
        ({"bits": 12}, "one of 8, 16. Received: bits=12"),
        ({"bits": 8.0}, "one of 8, 16"),
        ({"bits": "8"}, "one of 8, 16"),
        ({"names": "x"}, "a list, each text"),
        ({"names": [1]}, "a list, each text"),
        ({"names": {"x"}}, "a list, each text"),
        ({"shares": {"x": 2}}, "a mapping of names, each to a number from 0 to 1"),
        ({"shares": {1: 0.5}}, "a mapping of names"),
        ({"shares": [0.5]}, "a mapping of names"),
    ],
)
def test_what_does_not_fit(values, message):
    with pytest.raises(ArgumentError, match=message):
        Settings(**values)


@pytest.mark.parametrize(
    ("allowed", "inside", "outside"),
    [
        (Range(), [-1e300, 0, 1e300], [float("inf"), float("nan")]),
        (Range(1), [1, 2], [0.9]),
        (Range(0, low_open=True), [1e-9], [0, -1]),
        (Range(0, 1), [0, 0.5, 1], [-0.1, 1.1]),
        (Range(0, 1, low_open=True, high_open=True), [0.5], [0, 1]),
        (Range(high=3), [-9, 3], [3.1]),
        (Range(high=3, high_open=True), [2.9], [3]),
    ],
)
def test_ranges(allowed, inside, outside):
    assert all(value in allowed for value in inside)
    assert not any(value in allowed for value in outside)


@pytest.mark.parametrize(
    ("hint", "words"),
    [
        (Count, "a whole number of 1 or more"),
        (Positive, "a number above 0"),
        (NotNegative, "a number of 0 or more"),
        (Share, "a number from 0 to 1"),
        (Part, "a number from 0 to 1, without 0 and 1"),
        (Count | None, "a whole number of 1 or more or nothing"),
        (bool, "true or false"),
        (str | Mapping[str, int], "text or a mapping of names, each to a whole number"),
        (tuple[Share, ...], "a list, each a number from 0 to 1"),
        (Any, "anything"),
    ],
)
def test_annotations_in_words(hint, words):
    assert describe_hint(hint) == words


def test_models():
    model = object()
    assert check_value(model, ModelSource, "student") is model
    assert check_value(Path("a.keras"), ModelSource, "student") == "a.keras"
    for wrong in (3, True, None, "", ["a.keras"], {"a": 1}, b"a", np.float32(1)):
        with pytest.raises(ArgumentError, match="student must be a model, the path"):
            check_value(wrong, ModelSource, "student")


def test_text_is_plain_text():
    kind = enum.Enum("Kind", {"A": "adam"}, type=str)
    fit = check_value(kind.A, str, "optimizer")
    assert (fit, type(fit)) == ("adam", str)


def test_seeds():
    assert check_value(2**32 - 1, Seed, "seed") == 2**32 - 1
    with pytest.raises(ArgumentError, match="from 0 to 4294967295"):
        check_value(2**32, Seed, "seed")

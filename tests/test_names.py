import pytest

from tfcompress.errors import ArgumentError
from tfcompress.names import (
    find_key,
    matches,
    nearest,
    number_repeated,
    read_choices,
    suggest,
)


@pytest.mark.parametrize(
    ("name", "key", "expected"),
    [
        ("block1_conv", "block1_conv", True),
        ("block1_conv", "block1_*", True),
        ("block1_conv", "block?_conv", True),
        ("block1_conv", "block2_*", False),
        ("Block1_conv", "block1_*", False),
        ("conv[0]", "conv[0]", True),
    ],
)
def test_names_and_patterns(name, key, expected):
    assert matches(name, key) is expected


def test_nearest_names_come_first():
    assert nearest("convl", ["dense", "conv2", "conv1"])[0] in ("conv1", "conv2")
    assert "dense" not in nearest("convl", ["dense", "conv2", "conv1"])


def test_suggestions():
    names = ["sparsity", "scope", "structure"]
    assert suggest("sparcity", iter(names)) == "did you mean 'sparsity'?"
    assert suggest("zz", names) == "expected one of 'sparsity', 'scope', 'structure'."


def test_nothing_like_it_lists_the_first_eight():
    names = [f"layer{number}" for number in range(20)]
    assert nearest("zzz", iter(names)) == names[:8]


def test_names_that_were_there_before_get_numbers():
    given = ["lstm", "lstm", "lstm_1", "dense", "lstm"]
    assert number_repeated(given) == ("lstm", "lstm_1", "lstm_1_1", "dense", "lstm_2")


def test_a_name_goes_before_patterns_and_the_first_before_the_next():
    assert find_key("conv1", ["conv*", "c*", "conv1"]) == "conv1"
    assert find_key("conv2", ["conv*", "c*", "conv1"]) == "conv*"
    assert find_key("dense", ["conv*"]) is None


def test_one_choice_or_several():
    known = ("sparsity", "clusters")
    assert read_choices("sparsity", known, "preserve") == ("sparsity",)
    assert read_choices(["clusters"], known, "preserve") == ("clusters",)
    with pytest.raises(ArgumentError, match=r"Received: preserve=\['bits'\]"):
        read_choices(["sparsity", "bits"], known, "preserve")

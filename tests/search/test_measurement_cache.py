import json

import pytest

from tfcompress.errors import ArgumentError, OutputError
from tfcompress.search.measurement_cache import MeasurementCache

THIS = {"model": "a", "data": "b"}
OTHER = {"model": "a", "data": "c"}


def test_measurements_are_found_again(tmp_path):
    path = tmp_path / "cache.jsonl"
    cache = MeasurementCache(path, THIS)
    assert cache.get("conv", 0.5) is None
    cache.add("conv", 0.5, 0.75)
    cache.add("", 0.0, 0.9)
    again = MeasurementCache(path, THIS)
    assert again.get("conv", 0.5) == 0.75
    assert again.get("", 0.0) == 0.9
    assert again.get("conv", 0.25) is None


def test_each_measurement_is_in_the_file_at_once(tmp_path):
    path = tmp_path / "cache.jsonl"
    cache = MeasurementCache(path, THIS)
    for number in range(3):
        cache.add("conv", number / 10, 0.5)
        assert len(path.read_text().splitlines()) == number + 1
    assert json.loads(path.read_text().splitlines()[2]) == {
        "fingerprint": THIS,
        "name": "conv",
        "ratio": 0.2,
        "quality": 0.5,
    }


def test_measurements_of_others_are_not_used_and_stay(tmp_path):
    path = tmp_path / "cache.jsonl"
    MeasurementCache(path, OTHER).add("conv", 0.5, 0.1)
    mine = MeasurementCache(path, THIS)
    assert mine.get("conv", 0.5) is None
    mine.add("conv", 0.5, 0.2)
    assert MeasurementCache(path, OTHER).get("conv", 0.5) == 0.1
    assert MeasurementCache(path, THIS).get("conv", 0.5) == 0.2


def test_damaged_lines_are_not_used(tmp_path):
    path = tmp_path / "cache.jsonl"
    MeasurementCache(path, THIS).add("conv", 0.5, 0.75)
    whole = path.read_text()
    with path.open("a") as file:
        file.write('{"quality": 1.0}\n[1, 2]\n')
        file.write(whole.replace("0.75", "NaN").replace("0.5", "0.1"))
        file.write(whole.replace('"conv"', "3"))
        file.write(whole[:-20].replace("0.5", "0.2"))  # The machine went off.
    cache = MeasurementCache(path, THIS)
    assert cache.get("conv", 0.5) == 0.75
    assert cache.get("conv", 0.1) is cache.get("conv", 0.2) is None
    cache.add("conv", 0.2, 0.3)
    cache.add("conv", 0.1, 0.4)
    again = MeasurementCache(path, THIS)
    assert (again.get("conv", 0.2), again.get("conv", 0.1)) == (0.3, 0.4)


def test_without_a_file(tmp_path):
    cache = MeasurementCache(None, THIS)
    cache.add("conv", 0.5, 0.75)
    assert cache.get("conv", 0.5) == 0.75


def test_a_file_of_another_kind_is_left_alone(tmp_path):
    path = tmp_path / "model.keras"
    path.write_bytes(b"\x00PK\xff not a cache\n")
    with pytest.raises(ArgumentError, match=r"no measurements.*model\.keras"):
        MeasurementCache(path, THIS)
    assert path.read_bytes().endswith(b"not a cache\n")


def test_folders(tmp_path):
    with pytest.raises(OutputError, match="a folder that exists"):
        MeasurementCache(tmp_path / "nowhere" / "cache.jsonl", THIS)
    with pytest.raises(OutputError, match="a folder that exists"):
        MeasurementCache(tmp_path, THIS)


def test_a_file_that_cannot_be_written(tmp_path):
    path = tmp_path / "cache.jsonl"
    cache = MeasurementCache(path, THIS)
    path.mkdir()
    with pytest.raises(OutputError, match="Cannot write"):
        cache.add("conv", 0.5, 0.75)

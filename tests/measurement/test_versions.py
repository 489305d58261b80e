import importlib.metadata

from tfcompress.measurement.speed.versions import versions


def test_versions_are_those_of_the_distributions():
    expected = importlib.metadata.version("numpy")
    assert versions(["numpy"]) == {"numpy": expected}


def test_packages_that_are_not_installed_are_left_out():
    assert list(versions(["no-such-package", "numpy"])) == ["numpy"]

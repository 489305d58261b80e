import importlib
import inspect
import subprocess
import sys

import pytest

ROOMS = ["export", "measurement", "pipeline", "sources"]


@pytest.mark.parametrize("room", ROOMS)
def test_every_name_of_a_room_is_found(room):
    module = importlib.import_module(f"tfcompress.{room}")
    for name in module.__all__:
        assert not inspect.ismodule(getattr(module, name)), name
    assert set(module.__all__) <= set(dir(module))


@pytest.mark.parametrize("room", ROOMS)
def test_a_name_that_is_not_there(room):
    module = importlib.import_module(f"tfcompress.{room}")
    with pytest.raises(AttributeError, match=f"'tfcompress.{room}'.*'nothing'"):
        module.nothing  # noqa: B018


def test_nothing_is_loaded_before_it_is_used():
    rooms = ", ".join(f"tfcompress.{room}" for room in ROOMS)
    code = (
        f"import sys, {rooms}\n"
        "heavy = {'tensorflow', 'keras', 'tf_keras', 'numpy'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "tfcompress.sources.Dataset\n"
        "assert 'Dataset' in vars(tfcompress.sources)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

import numpy as np
import pytest

from tests.sources.files import sizes, write
from tfcompress.errors import DataError
from tfcompress.sources import Dataset, read_data

FUNCTIONS = """
import numpy as np

X, Y = np.arange(40, dtype=np.float64)[:, None] * np.ones(4), np.arange(40) % 3

def whole():
    return X, Y

def parts():
    return (X, Y), (X[:8], Y[:8])

def three():
    return (X, Y), (X[:8], Y[:8]), (X[:9], Y[:9])

def weighted():
    return (X, Y, np.ones(40)), (X, Y)

def dataset():
    import tensorflow as tf
    made = tf.data.Dataset.from_tensor_slices((X, Y)).batch(8)
    return made, made.take(1)

def named():
    import tfcompress as tfc
    return tfc.sources.Dataset("mine", (X, Y), (X[:4], Y[:4]), class_names=tuple("abc"))

def lists():
    return [X, Y.tolist()], [X, Y.tolist()]

def nothing(): pass
def number(): return 3
def one(): return (X,)
def strange(): return (X, Y), 7
def iterator(): return iter([(X, Y)]), (X, Y)
def ragged(): return (X, Y[:3]), (X, Y)
def raises(): raise RuntimeError("out of\\nmemory")
def leaves(): raise SystemExit(3)
def needs(path): return X, Y
value = 3
"""


@pytest.fixture
def functions(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "of_mine.py").write_text(FUNCTIONS)
    return "folder/of_mine.py"


@pytest.mark.parametrize(
    ("name", "expected"),
    [("whole", [28, 4, 8]), ("parts", [32, 8, 8]), ("three", [40, 8, 9]),
     ("named", [32, 4, 8]), ("lists", [32, 40, 8])],
)  # fmt: skip
def test_functions(functions, models, name, expected):
    data = read_data(f"{functions}:{name}", model=models["row"])
    assert sizes(data) == expected
    assert data.train[0].dtype == np.float32
    assert data.class_names == (("a", "b", "c") if name == "named" else None)


def test_data_sets_of_functions_are_handed_on(functions, models):
    data = read_data(f"{functions}:dataset", model=models["row"], divide_by=2)
    x, _ = next(data.train.as_numpy_iterator())
    np.testing.assert_allclose(x[:, 0], np.arange(8) / 2)
    assert data.test is None
    weighted = read_data(f"{functions}:weighted", model=models["row"])
    assert len(weighted.train) == 3


def test_module_in_the_current_folder(tmp_path):
    (tmp_path / "data_here_alone.py").write_text(FUNCTIONS)
    assert sizes(read_data("data_here_alone:whole")) == [28, 4, 8]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nothing", "must return"),
        ("number", "must return"),
        ("one", "must return"),
        ("strange", "validation must be"),
        ("iterator", "read only once"),
        ("ragged", "same number of samples"),
        ("raises", "raises raised an error: RuntimeError: out of memory"),
        ("leaves", "SystemExit: 3"),
        ("needs", "needs no arguments"),
        ("value", "no function 'value'"),
        ("wholy", "no function 'wholy'.*functions: whole"),
    ],
)
def test_bad_functions(functions, name, message):
    with pytest.raises(DataError, match=message) as raised:
        read_data(f"{functions}:{name}")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nowhere.npz", "no such file or folder"),
        ("dota.csv", r"beside it are data\.csv"),
        ("no_such_module:whole", "no such module"),
        ("broken:whole", "cannot be imported: SyntaxError"),
        ("broken.py:whole", "cannot be imported: SyntaxError"),
        ("nowhere.py:whole", "no such file"),
        ("notes.txt", r"a \.txt file"),
    ],
)
def test_bad_names(tmp_path, text, message):
    write("data.csv", "a,label")
    write("notes.txt", "none")
    write("broken.py", "def whole(:")
    with pytest.raises(DataError, match=message):
        read_data(text)


def test_dataset_is_plain():
    assert Dataset("mine", 1, 2).test is None

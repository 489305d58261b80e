import numpy as np
import pytest

from tests.sources.files import sizes, write
from tfcompress.errors import DataError
from tfcompress.sources import read_data


def test_numbers_in_columns(models):
    rows = [f"{n},{n / 2},{'yes' if n % 2 else 'no'}" for n in range(40)]
    data = read_data(write("t.csv", "age,size,label", *rows), model=models["number"])
    x, y = data.train
    assert data.class_names == ("no", "yes")
    assert x.dtype == np.float32
    np.testing.assert_array_equal(x[:, 0], x[:, 1] * 2)
    np.testing.assert_array_equal(y, x[:, 0] % 2)


def test_label_by_name_and_by_place(models):
    rows = [f"{n % 2};{n};{n * 0.5}" for n in range(40)]
    name = write("t.csv", "kind;age;size", *rows)
    by_name = read_data(name, label="kind")
    np.testing.assert_array_equal(by_name.train[1], by_name.train[0][:, 0] % 2)
    assert by_name.train[1].dtype == np.int64
    by_place = read_data(name)
    np.testing.assert_allclose(by_place.train[1], by_place.train[0][:, 1] * 0.5)
    assert by_place.train[1].dtype == np.float32


def test_columns_for_several_inputs(models):
    rows = [f"{n},{n * 2},{n % 2}" for n in range(40)]
    data = read_data(write("t.csv", "size,age,label", *rows), model=models["two"])
    np.testing.assert_array_equal(data.train[0]["age"], data.train[0]["size"] * 2)
    assert data.train[0]["age"].shape == (28, 1)


def test_numbers_that_are_names_of_classes(models):
    rows = [f"1,2,3,4,{n % 3 + 8}" for n in range(40)]
    data = read_data(write("t.csv", "a,b,c,d,stars", *rows), model=models["row"])
    assert data.class_names == ("8", "9", "10")
    assert set(data.train[1]) == {0, 1, 2}


def test_columns_that_are_numbered_but_for_the_label():
    rows = [f"{n},{n * 2},{n * 0.5}" for n in range(40)]
    data = read_data(write("t.csv", "0,1,target", *rows))
    assert sizes(data) == [28, 4, 8]
    np.testing.assert_allclose(data.train[1], data.train[0][:, 0] * 0.5)
    by_name = read_data("t.csv", label="1")
    np.testing.assert_allclose(by_name.train[1], by_name.train[0][:, 0] * 2)


def test_numbered_columns_before_names_of_classes():
    rows = [f"{n},{n * 2},{'yes' if n % 2 else 'no'}" for n in range(40)]
    data = read_data(write("t.csv", "0,1,answer", *rows))
    assert data.class_names == ("no", "yes")
    assert sizes(data) == [28, 4, 8]


@pytest.mark.parametrize(
    ("head", "row"),
    [
        ("sentence,label", "film {0},{1}"),
        ("label,sentence", "{1},film {0}"),
        ("class,sentence", "{1},film {0}"),
        ("mood,sentence", "{1},film {0}"),
        ("mood,sentence", "mood {1},film {0}"),
        (None, "film {0},{1}"),
        (None, "{1},film {0}"),
        (None, "{1}|film {0}"),
        ("target,a,b", "{1},{0},7"),
        ("length,kind", "{0},kind {1}"),
    ],
)
def test_the_column_of_labels(head, row):
    rows = [row.format(number, number % 2) for number in range(30)]
    data = read_data(write("t.csv", *([head] if head else []), *rows))
    assert set(data.train[1].tolist()) == {0, 1}
    assert len(data.train[0]) == 21


@pytest.mark.parametrize("first", ["0,a bad film", "1,a good film"])
def test_a_first_row_without_names_is_a_row(first):
    rows = [f"{n % 2},film {n}" for n in range(39)]
    assert sum(sizes(read_data(write("t.csv", first, *rows), label="0"))) == 40


def test_true_and_false_are_numbers():
    rows = [f"{n % 2 == 0},{n},{n % 2}" for n in range(40)]
    data = read_data(write("t.csv", "even,age,label", *rows))
    np.testing.assert_array_equal(data.train[0][:, 0], 1 - data.train[1])


@pytest.mark.parametrize("header", [True, False])
def test_sentences(models, header):
    lines = [f'the cat {n} sat\t0\nA dog, a "dog"!\t1' for n in range(20)]
    name = write("t.tsv", *(["sentence\tlabel"] if header else []), *lines)
    data = read_data(name, model=models["words"])
    assert data.train[0].shape == (28, 6)
    assert data.train[0].dtype == np.int32
    # 14 sentences of each kind train: "a" and "dog" stand 28 times in them.
    assert set(data.vocabulary[2:4]) == {"a", "dog"}
    assert len(data.vocabulary) == 8
    a, dog = data.vocabulary.index("a"), data.vocabulary.index("dog")
    x, y = data.test
    np.testing.assert_array_equal(x[y == 1], [[a, dog, a, dog, 0, 0]] * 4)
    assert any("vocabulary" in note for note in data.notes)


def test_vocabulary_of_a_file(models):
    lines = [f"cat dog bird,{n % 2}" for n in range(20)]
    name = write("t.csv", "text,label", *lines)
    for words in (["dog", "cat"], ["", "[UNK]", "dog", "cat"]):
        vocabulary = write("words.txt", *words)
        data = read_data(name, model=models["words"], vocabulary=vocabulary)
        np.testing.assert_array_equal(data.train[0][0], [3, 2, 1, 0, 0, 0])
    assert not data.notes
    assert data.vocabulary == ("", "[UNK]", "dog", "cat")


def test_open_length_is_that_of_the_longest_sentence(models):
    lines = [f"{'word ' * (n % 3 + 1)},{n % 2}" for n in range(40)]
    data = read_data(write("t.csv", "text,label", *lines), model=models["open"])
    assert data.train[0].shape[1] == data.test[0].shape[1] == 3
    assert data.train[0].dtype == np.float32


def test_sentences_without_a_model_stay_text():
    data = read_data(write("t.csv", "text,label", *["a b,0", "c,1"] * 10))
    assert data.train[0].dtype.kind == "U"


def test_tables_of_parts(tmp_path):
    (tmp_path / "sst").mkdir()
    for part, count in {"train": 5, "dev": 2, "test": 3}.items():
        write(f"sst/sst2_{part}.tsv", *["good\t1", "bad\t0"] * count)
    data = read_data("sst")
    assert data.name == "sst"
    assert sizes(data) == [10, 4, 6]


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (b"", {}, "must hold rows"),
        (b"a,label\n", {}, "first line alone"),
        (b"a,label\n1,2\n1,2,3\n", {}, "line 3 with 3"),
        (b"a,a\n1,2\n", {}, "more than one a"),
        (b"label\nx\n", {}, "one at least to learn from"),
        (b"a,size,label\n1,2,3\n", {"label": "sise"}, "nearest of .*: size"),
        (b"a,label\n1,x\n,y\n3,x\n", {}, "'a' must hold numbers.*line 3 with ''"),
        (b"a,label\n1,x\n2,\n", {}, "line 3 with none"),
        (b"a,label\n1,2\n3,?\n5,6\n", {}, "every row but one.*line 3 with '\\?'"),
        (b"1,?\n2,3\n4,5\n", {}, "every row but one.*line 1 with '\\?'"),
        (b"a,b,label\nx,y,0\nz,w,1\n", {}, "text in a, b"),
        (b'a,label\n"1,2\n', {}, "cannot be read"),
        ("a,label\ncaf\u00e9,2\n".encode("latin-1"), {}, "UTF-8"),
        (b"\xff\xfea\x00,\x00b\x00\n\x00", {}, "UTF-8"),
        (b"a,label\n\x001,2\n", {}, "."),
    ],
)
def test_bad_tables(tmp_path, content, options, message):
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(DataError, match=message) as raised:
        read_data("t.csv", **options)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["a", "b", "a"], "'a' more than once"),
        (["a"] + [f"w{n}" for n in range(9)], "knows 8"),
        ([], "must hold words"),
    ],
)
def test_bad_vocabularies(models, words, message):
    name = write("t.csv", "text,label", *["a b,0", "c,1"] * 10)
    path = write("words.txt", *words) if words else "none.txt"
    if not words:
        open(path, "w").close()
    with pytest.raises(DataError, match=message):
        read_data(name, model=models["words"], vocabulary=path)


def test_vocabulary_that_is_not_there(models):
    name = write("t.csv", "text,label", *["a b,0", "c,1"] * 10)
    with pytest.raises(DataError, match="file of words"):
        read_data(name, model=models["words"], vocabulary="nowhere.txt")


def test_names_in_a_table_for_a_model_of_numbers(models):
    name = write("t.csv", "sex,label", *["male,0", "female,1"] * 10)
    with pytest.raises(DataError, match="has no Embedding.*give each a number"):
        read_data(name, model=models["number"])


def test_text_for_a_model_of_images(models):
    name = write("t.csv", "text,label", *["a b,0", "c,1"] * 10)
    with pytest.raises(DataError, match="takes no sequences"):
        read_data(name, model=models["colour"])


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("nan,1,0", "column 'age' must hold finite numbers.*line 32 with 'nan'"),
        ("1,-inf,0", "column 'size' must hold finite numbers.*line 32 with '-inf'"),
        ("1,1,nan", "column 'label' must hold finite numbers.*line 32 with 'nan'"),
        ("1,1,5", "from 0 to 1.*line 32 with 5"),
        ("1,1,-1", "from 0 to 1.*line 32 with -1"),
    ],
)
def test_rows_are_named_by_their_lines(models, row, message):
    rows = [f"{n},{n / 2},{n % 2}" for n in range(40)]
    rows[30] = row
    with pytest.raises(DataError, match=message):
        read_data(write("t.csv", "age,size,label", *rows), model=models["two"])

"""Every source through `read_data`, from one string."""

import numpy as np
import pytest
import tensorflow as tf

from tfcompress.errors import ArgumentError, DataError
from tfcompress.sources import Dataset, read_data

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def _in_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def models(either_keras):
    """Models that differ in what they take and give."""
    k, layers = either_keras, either_keras.layers
    words = k.Input((6,), dtype="int32", name="words")
    open_words = k.Input((None,), name="words")
    a, b = k.Input((1,), name="age"), k.Input((1,), name="size")

    def image(*shape, classes=2):
        taken = k.Input(shape, name="image")
        return k.Model(taken, layers.Dense(classes)(layers.Flatten()(taken)))

    def of_words(taken):
        x = layers.GlobalAveragePooling1D()(layers.Embedding(8, 2)(taken))
        return k.Model(taken, layers.Dense(2)(x))

    return {
        "row": k.Sequential([k.Input((4,), name="row"), layers.Dense(3)]),
        "number": k.Sequential([k.Input((2,)), layers.Dense(1)]),
        "grey": image(6, 6, 1),
        "flat": image(6, 6),
        "colour": image(4, 5, 3),
        "four": image(6, 6, 4),
        "words": of_words(words),
        "open": of_words(open_words),
        "two": k.Model([a, b], layers.Dense(2)(layers.Concatenate()([a, b]))),
    }


def save(name="data.npz", **arrays):
    np.savez(name, **arrays)
    return name


def write(name, *lines):
    with open(name, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    return name


def sizes(data):
    return [len(part[0]) for part in (data.train, data.validation, data.test)]


# Arrays


def test_parts_of_a_file_are_kept(models):
    x = RNG.random((30, 4))
    y = np.arange(30) % 3
    name = save(
        x_train=x[:15], y_train=y[:15], x_validation=x[15:20], y_validation=y[15:20],
        x_test=x[20:], y_test=y[20:],
    )  # fmt: skip
    data = read_data(name, model=models["row"])
    assert data.name == "data.npz"
    assert sizes(data) == [15, 5, 10]
    np.testing.assert_array_equal(data.test[0], x[20:].astype(np.float32))
    np.testing.assert_array_equal(data.validation[1], y[15:20])


def test_what_is_missing_is_drawn_from_what_trains():
    x = np.arange(100)[:, None]
    y = np.repeat([0, 1], [80, 20])
    whole = read_data(save(x=x, y=y), shares=(0.1, 0.3), seed=3)
    assert sizes(whole) == [60, 10, 30]
    for part, ones in ((whole.train, 12), (whole.validation, 2), (whole.test, 6)):
        assert part[1].sum() == ones
    joined = np.concatenate([whole.train[0], whole.validation[0], whole.test[0]])
    np.testing.assert_array_equal(np.sort(joined.ravel()), x.ravel())
    again = read_data(save(x=x, y=y), shares=(0.1, 0.3), seed=3)
    np.testing.assert_array_equal(whole.test[0], again.test[0])
    other = read_data(save(x=x, y=y), shares=(0.1, 0.3), seed=4)
    assert not np.array_equal(whole.test[0], other.test[0])
    tested = read_data(save(x_train=x, y_train=y, x_test=x, y_test=y))
    assert sizes(tested) == [90, 10, 100]


@pytest.mark.parametrize(
    "names",
    [
        ("train_images", "train_labels", "val_images", "val_labels"),
        ("X_train", "Y_train", "X_val", "Y_val"),
        ("data_training", "targets_training", "data_valid", "targets_valid"),
    ],
)
def test_other_names(names):
    x, y = np.zeros((20, 4)), np.arange(20) % 2
    arrays = dict(zip(names, (x, y, x[:6], y[:6]), strict=True))
    assert sizes(read_data(save(**arrays, meta=np.zeros(3)))) == [16, 6, 4]


@pytest.mark.parametrize("dtype", ["uint8", "int64", "float64", "float16", "bool"])
def test_numbers_take_the_dtype_of_the_model(models, dtype):
    x = (RNG.random((40, 6, 6)) * 4).astype(dtype)
    data = read_data(save(x=x, y=np.arange(40) % 2), model=models["grey"])
    assert data.train[0].dtype == np.float32
    assert data.train[0].shape == (28, 6, 6, 1)
    largest = max(part[0].max() for part in (data.train, data.validation, data.test))
    assert largest == x.astype(np.float32).max()


def test_axis_of_one_channel_is_taken_away(models):
    x = np.zeros((40, 6, 6, 1), np.uint8)
    data = read_data(save(x=x, y=np.arange(40) % 2), model=models["flat"])
    assert data.test[0].shape == (8, 6, 6)


def test_divided(models):
    x = np.full((40, 6, 6, 1), 51, np.uint8)
    name = save(x=x, y=np.arange(40) % 2)
    data = read_data(name, model=models["grey"], divide_by=255)
    np.testing.assert_allclose(data.train[0], 0.2, rtol=1e-6)
    assert "divided by 255" in " ".join(data.notes)


@pytest.mark.parametrize(
    ("y", "expected"),
    [
        (np.arange(40) % 3, np.arange(40) % 3),
        ((np.arange(40) % 3)[:, None].astype(np.uint8), np.arange(40) % 3),
        ((np.arange(40) % 3).astype(np.float64), np.arange(40) % 3),
        (np.array(["a", "b", "c"] * 13 + ["a"]), np.array([0, 1, 2] * 13 + [0])),
        (np.eye(3)[np.arange(40) % 3], np.eye(3)[np.arange(40) % 3]),
    ],
    ids=["numbers", "column", "floats", "names", "one-hot"],
)
def test_labels(models, y, expected):
    x = np.repeat(np.arange(40)[:, None], 4, axis=1)
    data = read_data(save(x=x, y=y), model=models["row"])
    for inputs, labels in (data.train, data.validation, data.test):
        np.testing.assert_array_equal(labels, expected[inputs[:, 0].astype(int)])
        assert labels.dtype in (np.int64, np.float32)


def test_real_labels(models):
    name = save(x=RNG.random((40, 2)), y=RNG.random(40))
    data = read_data(name, model=models["number"])
    assert data.train[1].dtype == np.float32


def test_class_names_of_a_file():
    y = np.array(["cat", "dog"] * 20)
    data = read_data(save(x=np.zeros((40, 4)), y=y))
    assert data.class_names == ("cat", "dog")
    names = np.array(["dog", "cat"])
    data = read_data(save(x=np.zeros((40, 4)), y=y, class_names=names))
    assert data.class_names == ("dog", "cat")
    assert data.train[1].dtype == np.int64


def test_several_inputs(models):
    age, size = np.arange(40), np.arange(40) * 0.5
    name = save(x_age=age, x_size=size, y=np.arange(40) % 2)
    data = read_data(name, model=models["two"])
    assert {key: value.shape for key, value in data.train[0].items()} == {
        "age": (28, 1),
        "size": (28, 1),
    }
    np.testing.assert_array_equal(data.test[0]["age"], data.test[0]["size"] * 2)


def test_few_samples_of_a_class_are_drawn_anyhow():
    y = np.array([0] * 19 + [1])
    assert sizes(read_data(save(x=np.zeros((20, 4)), y=y))) == [14, 2, 4]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": np.zeros((4, 2))}, "Missing: y"),
        ({"x_train": np.zeros((4, 2)), "y_train": np.zeros(3)}, "same number of sampl"),
        ({"x_test": np.zeros((4, 2)), "y_test": np.zeros(4)}, "x_train, y_train"),
        ({"a": np.zeros(3)}, "must hold the arrays x and y"),
        ({"x": np.zeros((0, 2)), "y": np.zeros(0)}, "one sample at least"),
        ({"x": np.zeros((2, 2)), "y": np.zeros(2)}, "too few samples"),
        ({"x": np.zeros(4), "x_a": np.zeros(4), "y": np.zeros(4)}, "with both"),
        ({"x": np.array([{}] * 4), "y": np.zeros(4)}, "Python objects are refused"),
        ({"x": np.zeros((9, 2), complex), "y": np.zeros(9)}, "numbers or text"),
        (
            {
                "x_train": np.zeros((9, 2)), "y_train": np.array(["a"] * 9),
                "x_test": np.zeros((9, 2)), "y_test": np.array(["b"] * 9),
            },
            "classes of the test must be among.*Received: 'b'",
        ),
    ],
)  # fmt: skip
def test_bad_arrays(arrays, message):
    with pytest.raises(DataError, match=message):
        read_data(save(**arrays))


def test_unknown_input(models):
    name = save(x_ages=np.zeros(40), x_size=np.zeros(40), y=np.arange(40) % 2)
    with pytest.raises(DataError, match="'ages'; nearest: age"):
        read_data(name, model=models["two"])


@pytest.mark.parametrize(
    "options",
    [
        {"divide_by": 0},
        {"divide_by": "255"},
        {"shares": (0.5, 0.5)},
        {"shares": (0.1,)},
        {"shares": (-0.1, 0.2)},
    ],
)
def test_bad_options(options):
    with pytest.raises(ArgumentError, match="Received: "):
        read_data(save(x=np.zeros((9, 2)), y=np.zeros(9)), **options)


# Images


def write_images(folder, count, *, size=(6, 6), channels=1, suffix="png", value=None):
    for name in ("cat", "dog"):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            level = (200 if name == "dog" else 20) if value is None else value
            pixels = np.full((*size, channels), level, np.uint8)
            encode = tf.io.encode_png if suffix == "png" else tf.io.encode_jpeg
            content = encode(pixels).numpy()
            (folder / name / f"{number}.{suffix}").write_bytes(content)


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_images_by_class(tmp_path, models, suffix):
    write_images(tmp_path / "pets", 10, suffix=suffix)
    data = read_data("pets", model=models["grey"])
    assert data.name == "pets"
    assert data.class_names == ("cat", "dog")
    assert sizes(data) == [14, 2, 4]
    x, y = data.train
    assert x.shape == (14, 6, 6, 1)
    assert x.dtype == np.float32
    np.testing.assert_allclose(x[y == 0], 20, atol=2)
    np.testing.assert_allclose(x[y == 1], 200, atol=2)


def test_images_in_parts_take_size_and_channels_of_the_model(tmp_path, models):
    for part, count in {"train": 4, "val": 2, "test": 3}.items():
        write_images(tmp_path / "pets" / part, count, size=(9, 7))
    data = read_data("pets", model=models["colour"], divide_by=10)
    assert sizes(data) == [8, 4, 6]
    assert data.train[0].shape == (8, 4, 5, 3)
    np.testing.assert_allclose(data.train[0][data.train[1] == 0], 2, rtol=1e-5)
    assert read_data("pets", model=models["flat"]).test[0].shape == (6, 6, 6)


def test_images_of_four_channels(tmp_path, models):
    write_images(tmp_path / "pets", 5, channels=4)
    assert read_data("pets", model=models["four"]).test[0].shape == (2, 6, 6, 4)


def test_images_without_a_model_are_as_large_as_the_first(tmp_path):
    write_images(tmp_path / "pets", 5, size=(3, 8), channels=3)
    assert read_data("pets").train[0].shape == (7, 3, 8, 3)


def test_many_images_stay_in_their_files(tmp_path, models, monkeypatch):
    from tfcompress.sources import image_folders

    write_images(tmp_path / "pets", 20)
    monkeypatch.setattr(image_folders, "MOST_BYTES", 500)
    data = read_data("pets", model=models["grey"], divide_by=2)
    assert isinstance(data.train, tf.data.Dataset)
    x, y = next(data.train.as_numpy_iterator())
    assert x.shape == (28, 6, 6, 1)
    np.testing.assert_allclose(x[:, 0, 0, 0], np.where(y == 1, 100, 10))
    assert 0 < y[:14].sum() < 14


@pytest.mark.parametrize("content", [b"", b"no image", "half"])
def test_broken_image_is_named(tmp_path, models, content):
    write_images(tmp_path / "pets", 5)
    path = tmp_path / "pets" / "dog" / "3.png"
    path.write_bytes(path.read_bytes()[:60] if content == "half" else content)
    with pytest.raises(DataError, match=r"image cannot be read.*dog/3\.png") as raised:
        read_data("pets", model=models["grey"])
    assert "\n" not in str(raised.value)


def test_images_for_a_model_of_rows(tmp_path, models):
    write_images(tmp_path / "pets", 5)
    with pytest.raises(DataError, match="must take them"):
        read_data("pets", model=models["row"])


def test_other_classes_in_a_part(tmp_path):
    write_images(tmp_path / "pets" / "train", 3)
    write_images(tmp_path / "pets" / "test", 3)
    (tmp_path / "pets" / "test" / "dog").rename(tmp_path / "pets" / "test" / "cow")
    with pytest.raises(DataError, match="test must be among.*with cow"):
        read_data("pets")


def test_one_class_of_images(tmp_path):
    write_images(tmp_path / "pets", 3)
    (tmp_path / "pets" / "dog").rename(tmp_path / "dogs")
    with pytest.raises(DataError, match="two at the least.*with cat"):
        read_data("pets")


@pytest.mark.parametrize("name", ["nothing", "notes", "nested"])
def test_folder_of_nothing(tmp_path, name):
    (tmp_path / name / "a" / "b").mkdir(parents=True)
    if name == "notes":
        (tmp_path / name / "notes.txt").write_text("none")
    with pytest.raises(DataError, match="folder with none of these"):
        read_data(name)


# Tables


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


def test_text_for_a_model_of_images(models):
    name = write("t.csv", "text,label", *["a b,0", "c,1"] * 10)
    with pytest.raises(DataError, match="takes no sequences"):
        read_data(name, model=models["colour"])


# TFRecords


def example(**features):
    kinds = {
        "i": lambda v: tf.train.Feature(int64_list=tf.train.Int64List(value=v)),
        "f": lambda v: tf.train.Feature(float_list=tf.train.FloatList(value=v)),
        "b": lambda v: tf.train.Feature(bytes_list=tf.train.BytesList(value=v)),
    }
    feature = {name: kinds[kind](value) for name, (kind, value) in features.items()}
    return tf.train.Example(
        features=tf.train.Features(feature=feature)
    ).SerializeToString()


def write_records(name, examples):
    with tf.io.TFRecordWriter(name) as writer:
        for each in examples:
            writer.write(each)
    return name


def test_records_of_numbers(models):
    records = [
        example(row=("f", [n, 0, 0, 1]), kind=("i", [n % 3]), id=("i", [n]))
        for n in range(30)
    ]
    name = write_records("rows.tfrecord", records)
    write(
        "rows.yaml",
        "label: kind",
        "features:",
        "  row: {dtype: float32, shape: [4]}",
        "  kind: {dtype: int64}",
    )
    data = read_data(name, model=models["row"])
    assert sizes(data) == [21, 3, 6]
    np.testing.assert_array_equal(data.train[1], data.train[0][:, 0] % 3)


@pytest.mark.parametrize("encoding", ["image", "bytes"])
def test_records_of_images(models, encoding):
    def pixels(n):
        array = np.full((6, 6, 1), n, np.uint8)
        image = tf.io.encode_png(array).numpy()
        return image if encoding == "image" else array.tobytes()

    records = [
        example(image=("b", [pixels(n)]), label=("i", [n % 2])) for n in range(30)
    ]
    name = write_records("images.tfrecord", records)
    write(
        "spec.json",
        '{"features": {"image": {"dtype": "uint8", "shape": [6, 6, 1],',
        f'"encoding": "{encoding}"}}, "label": {{"dtype": "int64"}}}}}}',
    )
    data = read_data(name, model=models["grey"], spec="spec.json")
    np.testing.assert_array_equal(data.train[1], data.train[0][:, 0, 0, 0] % 2)


def test_records_of_parts_in_several_files(tmp_path):
    (tmp_path / "rows").mkdir()
    records = [example(x=("f", [n]), label=("b", [b"ab"[n % 2 :][:1]])) for n in [0, 1]]
    for part in ("train", "test"):
        for shard in (0, 1):
            name = f"rows/rows-{part}.tfrecord-0000{shard}-of-00002"
            write_records(name, records * 5)
    write(
        "rows/spec.yaml",
        "features: {x: {dtype: float32}, label: {dtype: string}}",
    )
    data = read_data("rows")
    assert sizes(data) == [18, 2, 20]
    assert data.class_names == ("a", "b")


GOOD = "features: {x: {dtype: float32, shape: [2]}, label: {dtype: int64}}"


@pytest.mark.parametrize(
    ("spec", "options", "message"),
    [
        (None, {}, "needs a spec.*data.yaml"),
        (GOOD, {"spec": "nowhere.yaml"}, "spec of the features cannot be read"),
        ("{", {}, "cannot be read"),
        ("!!python/object/apply:os.system [echo]", {}, "cannot be read"),
        ("[]", {}, "must be a mapping"),
        ("features: {}", {}, "must be a mapping"),
        (GOOD + "\nlable: x", {}, "keys features"),
        ("features: {x: float32, label: {dtype: int64}}", {}, "'x' must be a mapping"),
        (GOOD.replace("int64", "int6"), {}, "one of float32"),
        (GOOD.replace("[2]", "[-2]"), {}, "list of sizes"),
        (GOOD.replace("[2]", "[2], encoding: jpeg"), {}, "one of values, image"),
        (GOOD.replace("[2]", "[2], encoding: image"), {}, "an image has three"),
        (GOOD.replace("[2]", "[3]"), {}, r"'x' is of shape \(2,\).*record 0"),
        (GOOD.replace("x:", "z:"), {}, "no 'z'"),
        (GOOD.replace("[2]", "[2], encoding: bytes"), {}, "no single text"),
        (GOOD, {"label": "lable"}, "nearest of .*: label"),
        (GOOD.replace("label:", "x2: {dtype: int64}, label:"), {}, "no 'x2'"),
    ],
)
def test_bad_specs(spec, options, message):
    records = [example(x=("f", [n, 1]), label=("i", [n % 2])) for n in range(10)]
    name = write_records("data.tfrecord", records)
    if spec is not None:
        write("data.yaml", spec)
    with pytest.raises(DataError, match=message) as raised:
        read_data(name, **options)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("content", [b"", b"no records at all", "half", "flipped"])
def test_damaged_records(tmp_path, content):
    records = [example(x=("f", [n, 1]), label=("i", [n % 2])) for n in range(10)]
    path = tmp_path / write_records("data.tfrecord", records)
    write("data.yaml", GOOD)
    whole = path.read_bytes()
    if content == "half":
        content = whole[: len(whole) // 2 + 3]
    elif content == "flipped":
        content = whole[:100] + bytes([whole[100] ^ 255]) + whole[101:]
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"data\.tfrecord"):
        read_data(path)


# Functions


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

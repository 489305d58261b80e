import numpy as np
import pytest
import tensorflow as tf

from tests.sources.files import sizes, write
from tfcompress.errors import DataError
from tfcompress.sources import read_data


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


def write_records(name, examples, compression=None):
    with tf.io.TFRecordWriter(name, compression) as writer:
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


@pytest.mark.parametrize("shape", [", shape: [9, 4, 3]", ""])
def test_records_of_images_take_size_and_channels_of_the_model(models, shape):
    images = [tf.io.encode_jpeg(np.full((9, 4, 3), n, np.uint8)) for n in range(30)]
    records = [
        example(image=("b", [image.numpy()]), label=("i", [n % 2]))
        for n, image in enumerate(images)
    ]
    name = write_records("images.tfrecord", records)
    image = f"{{dtype: uint8, encoding: image{shape}}}"
    write("spec.yaml", f"features: {{image: {image}, label: {{dtype: int64}}}}")
    x, _ = read_data(name, model=models["grey"]).train
    assert x.shape == (21, 6, 6, 1)
    assert (np.ptp(x, axis=(1, 2, 3)) < 2).all()
    assert read_data(name).train[0].shape == (21, 9, 4, 3)


def test_broken_image_of_a_record(models):
    records = [example(image=("b", [b"no"]), label=("i", [n % 2])) for n in range(9)]
    name = write_records("images.tfrecord", records)
    image = "{dtype: uint8, encoding: image}"
    write("spec.yaml", f"features: {{image: {image}, label: {{dtype: int64}}}}")
    with pytest.raises(DataError, match=r"image cannot be read.*record 0 of"):
        read_data(name, model=models["grey"])
    with pytest.raises(DataError, match="model must take them"):
        read_data(name, model=models["row"])


@pytest.mark.parametrize("name", ["rows.tfrecord", "rows.tfrecord.gz"])
def test_records_compressed_by_gzip(tmp_path, name):
    records = [example(x=("f", [n, 1]), label=("i", [n % 2])) for n in range(30)]
    write_records(name, records, "GZIP")
    write("rows.yaml", GOOD)
    data = read_data(name)
    assert sizes(data) == [21, 3, 6]
    np.testing.assert_array_equal(data.train[1], data.train[0][:, 0] % 2)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="damaged"):
        read_data(name)


def test_records_of_parts_in_several_files(tmp_path):
    (tmp_path / "rows").mkdir()
    records = [example(x=("f", [n]), label=("b", [b"ab"[n % 2 :][:1]])) for n in [0, 1]]
    for part in ("train", "test"):
        for shard in (0, 1):
            name = f"rows/rows-{part}.tfrecord-0000{shard}-of-00002"
            write_records(name, records * 5)
    write(
        "rows/rows-train.tfrecord-00000-of-00002.yaml",
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

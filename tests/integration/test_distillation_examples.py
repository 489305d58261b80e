"""Each example of distillation runs from its data to its table, in a minute."""

import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

EXAMPLES = pathlib.Path(__file__).parents[2] / "examples"


def write_images(folder: pathlib.Path) -> pathlib.Path:
    """Writes images of one color, bright for odd classes and dark for even ones."""
    arrays = {}
    for part, count in (("train", 60), ("test", 20)):
        labels = np.arange(count) % 10
        images = np.full((count, 32, 32, 3), 60, "uint8")
        images[labels % 2 == 1] = 190
        files = [tf.io.encode_jpeg(image).numpy() for image in images]
        arrays[f"jpeg_{part}"] = np.frombuffer(b"".join(files), "uint8")
        arrays[f"offset_{part}"] = np.cumsum([0, *map(len, files)])
        arrays[f"y_{part}"] = labels.astype("uint8")
    np.savez(folder / "images.npz", **arrays)
    return folder / "images.npz"


def write_reviews(folder: pathlib.Path) -> pathlib.Path:
    """Writes reviews of two words."""
    lines = [f"{word} film\t{int(word == 'fine')}" for word in ("fine", "poor")]
    for part, times in (("train", 30), ("test", 10)):
        text = "\n".join(lines * times) + "\n"
        (folder / f"sst2_{part}.tsv").write_text(text, encoding="utf-8")
    return folder


def write_recordings(folder: pathlib.Path) -> pathlib.Path:
    """Writes tones, higher for higher digits, of two speakers."""
    lengths = [1_200 + 40 * (i % 30) for i in range(200)]
    tones = [
        8_000 * np.sin(np.arange(length) * (0.1 + 0.2 * (i % 10)))
        for i, length in enumerate(lengths)
    ]
    np.savez(
        folder / "recordings.npz",
        audio=np.concatenate(tones).astype("int16"),
        offset=np.cumsum([0, *lengths]),
        digit=(np.arange(200) % 10).astype("uint8"),
        speaker=np.array(["george"] * 160 + ["theo"] * 40),
    )
    return folder / "recordings.npz"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "write", "train", "test", "rows"),
    [
        ("images", write_images, 60 * 4, 20, 6),
        ("text", write_reviews, 60 * 3, 20, 5),
        ("speech", write_recordings, 160 * 3, 20, 6),
    ],
)
def test_example_compares_every_way_to_distil(name, write, train, test, rows, tmp_path):
    output = tmp_path / "results.json"
    command = [sys.executable, EXAMPLES / f"distil_{name}.py", "--quick"]
    command += ["--data", write(tmp_path), "--output", output]
    command += ["--teachers", tmp_path / "teachers"]

    run = subprocess.run(command, capture_output=True, text=True, check=False)

    assert run.returncode == 0, run.stderr
    results = json.loads(output.read_text())
    assert (results["train"], results["test"]) == (train, test)
    assert results["student_parameters"] * 5 < results["teacher_parameters"]
    scores = results["student_accuracy"]
    assert len(scores) == rows
    assert all(len(row) == 1 and 0 <= row[0] <= 1 for row in scores.values())
    for row in scores:
        assert f"| {row} | " in run.stdout
    assert (tmp_path / "teachers" / f"{name}_0.keras").exists()

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.tools import flatbuffer_utils

from tests.measurement.conftest import convert
from tfcompress.errors import ModelError, ProcessError
from tfcompress.measurement import LiteRTModel
from tfcompress.measurement.files import file, trial
from tfcompress.measurement.files.trial import check_runs, trust


@pytest.fixture(scope="module")
def crashing():
    """A file that ends the process: LiteRT does not check how sparse weights lie."""
    inputs = keras.Input((32,), batch_size=1)
    model = keras.Model(inputs, keras.layers.Dense(32)(inputs))
    generator = np.random.default_rng(0)
    kernel = generator.random((32, 32)) * (generator.random((32, 32)) > 0.8)
    model.set_weights([kernel, np.ones(32)])
    sparse = convert(model, optimizations=[tf.lite.Optimize.EXPERIMENTAL_SPARSITY])
    file = flatbuffer_utils.read_model_from_bytearray(bytearray(sparse))
    (tensor,) = [one for one in file.subgraphs[0].tensors if one.sparsity is not None]
    tensor.sparsity.traversalOrder = [2**31 - 1]
    return bytes(flatbuffer_utils.convert_object_to_bytearray(file))


@pytest.fixture(scope="module")
def endless():
    """A file with a loop that never ends."""

    @tf.function(input_signature=[tf.TensorSpec((1, 1))])
    def loop(x):
        return tf.while_loop(lambda y: tf.reduce_all(y < 1.0), lambda y: y * 0.5, [x])

    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [loop.get_concrete_function()]
    )
    return converter.convert()


@pytest.fixture
def trials(monkeypatch):
    """Contents that are tried, while nothing is known of any."""
    tried = []
    run = trial._child.run

    def count(content, delegates):
        tried.append(content)
        return run(content, delegates)

    monkeypatch.setattr(trial, "_results", {})
    # Without it, so that a file comes as far as the trial which does not get there now.
    for module in (file, trial):
        monkeypatch.setattr(module, "parse_tflite", lambda content, path: None)
    monkeypatch.setattr(trial._child, "run", count)
    return tried


def test_file_that_ends_the_process_is_refused(tmp_path, crashing, trials):
    path = tmp_path / "crash.tflite"
    path.write_bytes(crashing)
    for _ in range(2):
        with pytest.raises(ModelError, match=r"crash\.tflite.* ended with signal \d+"):
            LiteRTModel(path)
    assert trials == [crashing]


def test_file_that_never_ends_is_refused(endless, trials, monkeypatch):
    monkeypatch.setattr(trial, "SECONDS", 1.0)
    with pytest.raises(ModelError, match="did not end within 2 s of CPU time"):
        check_runs(endless, "endless.tflite")
    assert trial._results == {}


def test_file_that_waits_is_refused_and_tried_again(dense_files, trials, monkeypatch):
    monkeypatch.setattr(trial, "_PATIENCE", 1e-9)
    content = dense_files["fixed"].read_bytes()
    with pytest.raises(ModelError, match="was killed"):
        check_runs(content, "slow.tflite")
    monkeypatch.setattr(trial, "_PATIENCE", 10.0)
    check_runs(content, "slow.tflite")


def test_child_that_cannot_start_is_no_fault_of_the_file(
    dense_files, trials, monkeypatch
):
    trial._child.stop()
    monkeypatch.setattr(trial, "_PROGRAM", "tfcompress.no_such_module")
    with pytest.raises(ProcessError, match=r"exit code 1 .*no_such_module"):
        check_runs(dense_files["fixed"].read_bytes(), "fixed.tflite")
    assert trial._results == {}


def test_files_of_the_user_do_not_shadow_modules(
    tmp_path, dense_files, trials, monkeypatch
):
    (tmp_path / "json.py").write_text("raise RuntimeError('not the library')")
    monkeypatch.chdir(tmp_path)
    trial._child.stop()
    check_runs(dense_files["fixed"].read_bytes(), "fixed.tflite")


def test_interrupted_trial_ends_at_once(tmp_path, endless):
    path = tmp_path / "endless.tflite"
    path.write_bytes(endless)
    code = (
        "import signal, sys, threading\n"
        "from tfcompress.measurement import LiteRTModel\n"
        "from tfcompress.measurement.files import trial\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "ask = trial._ask\n"
        "interrupt = (threading.main_thread().ident, signal.SIGINT)\n"
        "def ask_and_interrupt(*arguments):\n"
        "    threading.Timer(1.0, signal.pthread_kill, interrupt).start()\n"
        "    return ask(*arguments)\n"
        "trial._ask = ask_and_interrupt\n"
        "try:\n"
        "    LiteRTModel(sys.argv[1])\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted', flush=True)\n"
    )
    # The trial itself would go on for 30 seconds.
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        capture_output=True,
        text=True,
        timeout=25,
    )
    assert done.stdout == "interrupted\n", done.stderr


def test_good_file_is_tried_once_for_each_kind_of_kernels(dense_files, trials):
    for name in ("fixed", "free"):
        content = dense_files[name].read_bytes()
        for _ in range(3):
            check_runs(content, name)
        check_runs(content, name, delegates=False)
    assert len(trials) == 4


def test_trusted_file_is_not_tried(dense_files, samples, trials):
    LiteRTModel(dense_files["fixed"], trusted=True).predict(samples)
    LiteRTModel(dense_files["fixed"], delegates=False)
    trust(dense_files["free"].read_bytes())
    LiteRTModel(dense_files["free"])
    assert trials == []


def test_what_litert_refuses_is_its_own_error(tmp_path, trials):
    inputs = keras.Input((4,), batch_size=1)
    model = keras.Model(inputs, keras.layers.Dense(2)(inputs))
    file = flatbuffer_utils.read_model_from_bytearray(bytearray(convert(model)))
    file.subgraphs[0].tensors[0].shape = [1, 5]
    file.subgraphs[0].tensors[0].shapeSignature = [1, 5]
    path = tmp_path / "five.tflite"
    path.write_bytes(flatbuffer_utils.convert_object_to_bytearray(file))
    with pytest.raises(ModelError, match="LiteRT cannot run the file"):
        LiteRTModel(path)
    assert len(trials) == 1


def test_a_crash_does_not_harm_the_next_file(crashing, dense_files, trials):
    with pytest.raises(ModelError, match="signal"):
        check_runs(crashing, "crash")
    check_runs(dense_files["fixed"].read_bytes(), "fixed")
    assert len(trials) == 2


def test_leaves_no_process_and_no_word_behind(dense_files):
    code = (
        "import sys\n"
        "from tfcompress.measurement import LiteRTModel\n"
        "from tfcompress.measurement.files import trial\n"
        "LiteRTModel(sys.argv[1])\n"
        "print(trial._child._process.pid)\n"
    )
    path = str(dense_files["fixed"])
    done = subprocess.run(
        [sys.executable, "-W", "error::ResourceWarning", "-c", code, path],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    alive = subprocess.run(["ps", "-p", done.stdout.strip()], capture_output=True)
    assert alive.returncode


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("files.trial_process", "rich sklearn scipy keras tensorflow"),
        ("metrics", "sklearn scipy keras tensorflow"),
    ],
)
def test_loads_what_it_needs_alone(module, heavy):
    code = (
        f"import sys, tfcompress.measurement.{module}\n"
        "print([name for name in sys.argv[1:] if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *heavy.split()], capture_output=True, text=True
    )
    assert done.stdout == "[]\n", done.stderr

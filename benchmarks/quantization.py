"""Quantization in the file that ships: after training, and while training.

On four tasks, from each network trained in float, these files are written:

- float: float32;
- float, trained on: the same after as many steps as the rows below, to tell what the
  rounding does from what the steps do;
- converter: int8 after training, by TensorFlow's converter;
- ai-edge-quantizer: int8 after training, by its recipe `static_wi8_ai8`;
- TF-MOT: `quantize_model` used raw, trained on, and written by the converter;
- ours: `QuantizationAwareTraining`, calibrated, and trained on for as many steps;
- ours, distilled: the same, taught by the network in float;
- ours, 4 bits, distilled: the same with weights of 4 bits.

The tasks are CIFAR-10 with a ResNet of 8 layers and with MobileNetV2 at a width of
0.35, film reviews (SST-2) with a Transformer, and spoken digits with an LSTM: see
`quantization_tasks.py`. `tfcompress.report.compare` measures each file beside the float
one: accuracy on the test data, bytes, latency of one thread, agreement. At the end, the
time of wrapping, calibrating and exporting MobileNetV2 is held against that of TF-MOT's
own wrap and export of the same network.

Run it with `python benchmarks/quantization.py --images cifar10_jpeg.npz --reviews
FOLDER --digits fsdd.npz --directory runs/quantization`. Networks, files and results
stay in the directory, and what is there is not done again. Each task and seed runs in a
process of its own. On two cores it takes an hour or two.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from ai_edge_quantizer import quantizer, recipe
from quantization_results import Results, as_table
from quantization_speed import convert, time_exports
from quantization_tasks import TASKS, Data, Task, read_images

import tfcompress as tfc
from tfcompress.export.census import float_operations, list_operations

SEEDS = (0, 1, 2)
CALIBRATION = 500
TEMPERATURE, LABELS = 2.0, 0.1


def main() -> None:
    """Makes what is not in the directory, and prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--images", type=Path, required=True, help="CIFAR-10 as JPEG")
    parser.add_argument("--reviews", type=Path, required=True, help="folder of SST-2")
    parser.add_argument("--digits", type=Path, required=True, help="spoken digits")
    parser.add_argument("--directory", type=Path, required=True, help="for results")
    tasks = [*TASKS, "speed"]
    parser.add_argument("--tasks", nargs="+", choices=tasks, default=tasks)
    parser.add_argument("--seeds", nargs="+", type=int, default=list(SEEDS))
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS))
    parser.add_argument(
        "--validation", action="store_true", help="not the test data: to set rates"
    )
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    arguments.directory.mkdir(parents=True, exist_ok=True)
    results = Results(arguments.directory / "results.jsonl")
    if arguments.child:
        run(arguments, results)
        return
    names = [name for name in arguments.tasks if name in TASKS]
    for seed in arguments.seeds:
        for name in names:
            run_in_child(name, seed, arguments, results)
    for name in names:
        print(as_table(name, results, list(ROWS)), flush=True)
    if "speed" in arguments.tasks:
        images = read_images(arguments.images).train[0][:CALIBRATION]
        print(time_exports(images))


def run_in_child(
    name: str, seed: int, arguments: argparse.Namespace, results: Results
) -> None:
    """Measures the rows of a task and a seed in a process of its own.

    A process that a row ends is started again for the next row.
    """
    while True:
        done = results.read()
        missing = [row for row in arguments.rows if (name, seed, row) not in done]
        if not missing:
            return
        options = ["--tasks", name, "--seeds", str(seed), "--rows", *missing, "--child"]
        code = subprocess.run([sys.executable, *sys.argv, *options]).returncode
        if code > 0:
            raise SystemExit(code)
        if code < 0:
            done = results.read()
            row = next(row for row in missing if (name, seed, row) not in done)
            error = f"the process ended with signal {-code}"
            results.add(task=name, seed=seed, row=row, error=error)


def run(arguments: argparse.Namespace, results: Results) -> None:
    """Measures the rows of a task and a seed in this process."""
    (name,), (seed,) = arguments.tasks, arguments.seeds
    sources = {"transformer": arguments.reviews, "lstm": arguments.digits}
    source = sources.get(name, arguments.images)
    experiment = Experiment(name, seed, source, arguments.directory)
    part = experiment.data.validation if arguments.validation else experiment.data.test
    data = (np.array(experiment.task.prepare(part[0])), part[1])
    float_file = experiment.file("float")
    if not float_file.exists():
        write_float(experiment, float_file)
    for row in arguments.rows:
        path = experiment.file(row)
        print(f"{name}, seed {seed}: {row}", flush=True)
        start = time.perf_counter()
        keras.utils.set_random_seed(seed)
        try:
            ROWS[row](experiment, path)
        except Exception as error:
            text = f"{type(error).__name__}: {error}"
            results.add(task=name, seed=seed, row=row, error=text)
            continue
        seconds = time.perf_counter() - start
        found = measure(float_file, path, data)
        results.add(task=name, seed=seed, row=row, seconds=seconds, **found)


def measure(float_file: Path, path: Path, data: Any) -> dict[str, Any]:
    """Returns what a file does beside the float one."""
    files = {"float": float_file, "row": path}
    reference, row = tfc.report.compare(files, data, seconds=2.0).rows
    operations = list_operations(path.read_bytes())
    return {
        "accuracy": row.accuracy,
        "bytes": row.bytes,
        "latency": row.latency_ms / reference.latency_ms,
        "agreement": row.agreement,
        "float operations": len(float_operations(operations)),
        "operations": len(operations),
    }


class Experiment:
    """A task and a seed: the data, and the network trained in float.

    Args:
        name: Of the task.
        seed: Of the training.
        source: Where the data is.
        directory: Where networks and files are kept.
    """

    def __init__(self, name: str, seed: int, source: Path, directory: Path):
        self.name, self.seed, self.directory = name, seed, directory
        self.task: Task = TASKS[name]
        self.data: Data = self.task.read(source)
        self.samples = np.array(self.task.prepare(self.data.train[0][:CALIBRATION]))
        path = directory / f"{name}-{seed}.keras"
        if not path.exists():
            keras.utils.set_random_seed(seed)
            network = self.task.build()
            steps = len(self.data.train[0]) // self.task.batch * self.task.epochs
            self.fit(network, steps, self.task.rate)
            network.save(path)
        self.network = keras.models.load_model(path, compile=False)

    def file(self, row: str) -> Path:
        """Returns where the file of a row is."""
        return self.directory / f"{self.name}-{self.seed}, {row}.tflite"

    def fit(
        self,
        model: Any,
        steps: int,
        rate: float,
        library: Any = keras,
        callbacks: Sequence[Any] = (),
    ) -> None:
        """Trains a model, or a distiller, in place.

        Args:
            model: What is trained.
            steps: How many steps it takes.
            rate: The learning rate that Adam starts with; it falls to 0 as a cosine.
            library: The Keras that optimizer and loss are of.
            callbacks: What the technique needs meanwhile.
        """
        falling = library.optimizers.schedules.CosineDecay(rate, steps)
        model.compile(
            library.optimizers.Adam(falling),
            library.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
        )
        batches = self.task.batches(self.data.train, self.seed)
        model.fit(
            batches,
            epochs=1,
            steps_per_epoch=steps,
            callbacks=list(callbacks),
            verbose=2,
        )


def write_float(experiment: Experiment, path: Path) -> None:
    """Writes the network as it was trained."""
    tfc.export.to_tflite(
        experiment.network,
        path,
        target="cpu_float32",
        representative_data=experiment.samples,
    )


def write_trained_on(experiment: Experiment, path: Path) -> None:
    """Trains on in float, and writes that."""
    network = keras.models.clone_model(experiment.network)
    network.set_weights(experiment.network.get_weights())
    task = experiment.task
    experiment.fit(network, task.tuning_steps, task.tuning_rate)
    tfc.export.to_tflite(
        network,
        path,
        target="cpu_float32",
        representative_data=experiment.samples,
    )


def write_by_converter(experiment: Experiment, path: Path) -> None:
    """Quantizes after training with TensorFlow's converter."""
    twin = tfc.keras_compat.to_tf_keras(experiment.network)
    (tensor,) = twin.inputs
    spec = tf.TensorSpec((1, *tensor.shape[1:]), tensor.dtype)
    function = tf.function(twin).get_concrete_function(spec)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], twin)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: (
        [sample[np.newaxis]] for sample in experiment.samples
    )
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.int8
    converter.inference_output_type = tf.int8
    path.write_bytes(converter.convert())


def write_by_quantizer(experiment: Experiment, path: Path) -> None:
    """Quantizes the float file after training with ai-edge-quantizer."""
    twin = tfc.keras_compat.to_tf_keras(experiment.network)
    artifact = tfc.export.to_tflite(twin, path, target="cpu_float32")
    (name,) = tfc.measurement.LiteRTModel(artifact).input_details
    tool = quantizer.Quantizer(path, recipe.static_wi8_ai8())
    samples = [{name: sample[np.newaxis]} for sample in experiment.samples]
    ranges = tool.calibrate({"serving_default": samples})
    tool.quantize(ranges).export_model(str(path), overwrite=True)


def write_by_tfmot(experiment: Experiment, path: Path) -> None:
    """Trains on with TF-MOT as its guide does it, and writes the result."""
    twin = tfc.keras_compat.to_tf_keras(experiment.network)
    model = tfc.keras_compat.tfmot().quantization.keras.quantize_model(twin)
    task, tf_keras = experiment.task, tfc.keras_compat.tf_keras()
    experiment.fit(model, task.tuning_steps, task.tfmot_rate, tf_keras)
    path.write_bytes(convert(model))


def write_ours(experiment: Experiment, path: Path) -> None:
    """Trains on with the rounding, on the labels alone."""
    quantization = tfc.quantization.QuantizationAwareTraining()
    model = quantization.apply(experiment.network)
    tfc.quantization.calibrate(model, experiment.samples)
    experiment.fit(
        model,
        experiment.task.tuning_steps,
        experiment.task.tuning_rate,
        callbacks=quantization.callbacks(),
    )
    tfc.export.to_tflite(model, path, representative_data=experiment.samples)


def write_distilled(experiment: Experiment, path: Path) -> None:
    """Trains on with the rounding, taught by the network in float."""
    distil(experiment, path, 8, experiment.task.tuning_rate)


def write_4_bits(experiment: Experiment, path: Path) -> None:
    """Trains on with weights of 4 bits, taught by the network in float."""
    distil(experiment, path, 4, experiment.task.rate_of_4_bits)


def distil(experiment: Experiment, path: Path, bits: int, rate: float) -> None:
    """Trains a quantization-aware network, taught by the one in float; writes it."""
    quantization = tfc.quantization.QuantizationAwareTraining(weight_bits=bits)
    model = quantization.apply(experiment.network)
    tfc.quantization.calibrate(model, experiment.samples)
    distiller = tfc.Distiller(
        experiment.network,
        model,
        tfc.distillation.LogitsDistillation(TEMPERATURE),
        student_loss_weight=LABELS,
    )
    experiment.fit(
        distiller,
        experiment.task.tuning_steps,
        rate,
        callbacks=quantization.callbacks(),
    )
    tfc.export.to_tflite(model, path, representative_data=experiment.samples)


ROWS: dict[str, Callable[[Experiment, Path], None]] = {
    "float": write_float,
    "float, trained on": write_trained_on,
    "converter": write_by_converter,
    "ai-edge-quantizer": write_by_quantizer,
    "TF-MOT": write_by_tfmot,
    "ours": write_ours,
    "ours, distilled": write_distilled,
    "ours, 4 bits, distilled": write_4_bits,
}


if __name__ == "__main__":
    main()

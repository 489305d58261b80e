"""Opens damaged files through every door, in a process of its own.

Arguments: a folder with whole `.tflite` files, the first seed, the number of seeds, the
seconds that a door may take. Writes JSON: how often each door ended in what, and what
came that is no error of tfcompress.
"""

import collections
import faulthandler
import json
import sys
from pathlib import Path

import numpy as np

from tests.measurement.damage import damage
from tfcompress.errors import ExportError, TFCompressError
from tfcompress.export import (
    check_target,
    find_partitions,
    find_target,
    read_metadata,
)
from tfcompress.measurement import (
    LiteRTModel,
    benchmark,
    count_weights,
    evaluate,
    inspect,
    operation_profile,
    profile,
    size,
)


def show(path):
    result = inspect(path)
    return str(result), result.to_markdown(), result.to_json()


def run(path):
    model = LiteRTModel(path)
    model.invoke_once()
    shapes = [details.shape for details in model.input_details.values()]
    return model.predict([np.ones((3, *map(one, shape[1:]))) for shape in shapes])


def one(size):
    return size or 1


def run_on_own_kernels(path):
    return LiteRTModel(path, delegates=False).invoke_once()


def measure(path):
    (shape,) = [x.shape for x in LiteRTModel(path).input_details.values()]
    return evaluate(path, (np.ones((2, *map(one, shape[1:]))), np.array([0, 1])))


def profile_operations(path):
    return str(operation_profile(path, seconds=1e-3, rounds=1))


def benchmark_one(path):
    return str(benchmark(path, seconds=1e-3, rounds=1))


def find_parts(path):
    return find_partitions(path.read_bytes())


def check_targets(path):
    return [
        note
        for name in ("cpu_int8", "npu_int8", "edgetpu", "gpu", "microcontroller")
        for note in check_or_refuse(path.read_bytes(), find_target(name))
    ]


def check_or_refuse(content, target):
    try:
        return check_target(content, target)
    except ExportError as error:
        return [str(error)]


def show_profile(path):
    result = profile(path)
    return str(result), result.to_json()


PATH_DOORS = [
    size,
    count_weights,
    show,
    run,
    run_on_own_kernels,
    measure,
    show_profile,
    profile_operations,
    read_metadata,
]
# The last three take a folder as well, or bytes.
DOORS = [*PATH_DOORS, benchmark_one, find_parts, check_targets]


def main(folder, start, count, seconds):
    bases = {path.stem: path.read_bytes() for path in sorted(folder.glob("*.tflite"))}
    faulthandler.enable()
    damaged = folder / "damaged"
    damaged.mkdir(exist_ok=True)
    ends, surprises = collections.Counter(), []
    for seed in range(start, start + count):
        name = list(bases)[seed % len(bases)]
        content, way = damage(bases[name], seed)
        sys.stderr.write(f"seed {seed}\n")
        path = damaged / "damaged.tflite"
        path.write_bytes(content)
        for door in DOORS:
            faulthandler.dump_traceback_later(seconds, exit=True)
            try:
                door(path)
                ends[f"{door.__name__}: result"] += 1
            except TFCompressError as error:
                ends[f"{door.__name__}: {type(error).__name__}"] += 1
                if "trial" in str(error):
                    ends["ended the trial"] += 1
            except Exception as error:
                surprises.append(f"{seed} {name} {way} {door.__name__}: {error!r}")
            faulthandler.cancel_dump_traceback_later()
        if path.read_bytes() != content:
            surprises.append(f"{seed}: the file was changed")
    sys.stdout.write(json.dumps({"ends": ends, "surprises": surprises}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))

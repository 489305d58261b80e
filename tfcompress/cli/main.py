"""`tfcompress`: the command line. Commands load TensorFlow only when they run."""

import argparse
import os
import sys
import traceback

from absl import app, logging
from absl.flags import argparse_flags

from tfcompress import __version__
from tfcompress.errors import TFCompressError

DONE, BAD_INPUT, INTERRUPTED = 0, 2, 130


def run() -> None:
    """Runs the command line, and ends the process with its exit code."""
    app.run(main, flags_parser=parse)


def parse(argv: list[str]) -> argparse.Namespace:
    """Parses the command line.

    Args:
        argv: The name of the program, and its arguments.

    Returns:
        The arguments of the command, and its function as `command`.
    """
    parser = argparse_flags.ArgumentParser(
        prog="tfcompress",
        description="Make Keras models small and fast, with measured proof.",
        epilog="Example: tfcompress demo --data images.npz --output run",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="name", metavar="COMMAND", required=True)
    _add_demo(commands)
    _add_benchmark(commands)
    _add_inspect(commands)
    for command in commands.choices.values():
        command.add_argument(
            "--debug", action="store_true", help="show where an error came from"
        )
    return parser.parse_args(argv[1:])


def main(arguments: argparse.Namespace) -> int:
    """Runs a parsed command.

    Returns:
        0 when done, 2 for bad input, 130 when the user stopped it.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.set_verbosity(logging.ERROR)
    try:
        arguments.command(arguments)
    except TFCompressError as error:
        if arguments.debug:
            traceback.print_exc()
        _say(f"tfcompress: error: {error}")
        return BAD_INPUT
    except KeyboardInterrupt:
        _say("tfcompress: stopped.")
        return INTERRUPTED
    return DONE


def _add_demo(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    demo = commands.add_parser(
        "demo",
        help="the whole way on handwritten digits, or on your own images",
        description="Train a teacher, distil a small student from it, prune and "
        "quantize the student, write the .tflite that ships, and measure every step.",
        epilog="Example: tfcompress demo --data images.npz --output run",
    )
    demo.add_argument(
        "--data",
        metavar="FILE.npz",
        help="images with the arrays x_train, y_train, x_test and y_test "
        "(default: scikit-learn's digits)",
    )
    demo.add_argument(
        "--output",
        metavar="FOLDER",
        default="tfcompress-demo",
        help="where models, files and the report go (default: %(default)s)",
    )
    demo.add_argument(
        "--seed", type=int, default=0, help="of data split and training (default: 0)"
    )
    demo.add_argument(
        "--epochs",
        type=int,
        help="of each training (default: 40, or 10 for 10,000 images or more)",
    )
    demo.add_argument(
        "--overwrite",
        action="store_true",
        help="replace the files of a run that is in the folder",
    )
    demo.set_defaults(command=_run_demo)


def _run_demo(arguments: argparse.Namespace) -> None:
    from tfcompress.cli.demo import run_demo

    run_demo(
        data=arguments.data,
        output=arguments.output,
        seed=arguments.seed,
        epochs=arguments.epochs,
        overwrite=arguments.overwrite,
    )


def _add_benchmark(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
) -> None:
    benchmark = commands.add_parser(
        "benchmark",
        help="how fast .tflite files are, side by side",
        description="Run .tflite files on LiteRT in turns, and show how long each "
        "takes, the fastest first, with load time, first run and memory in a fresh "
        "process.",
        epilog="Example: tfcompress benchmark models --threads 2",
    )
    benchmark.add_argument(
        "files",
        nargs="+",
        metavar="FOLDER|FILE",
        help=".tflite files, and folders with such files",
    )
    benchmark.add_argument(
        "--threads", type=int, default=1, help="that a run may use (default: 1)"
    )
    benchmark.add_argument(
        "--seconds",
        type=float,
        default=2.0,
        help="to spend on each file (default: 2)",
    )
    benchmark.add_argument(
        "--profile",
        action="store_true",
        help="show what each operation takes as well",
    )
    benchmark.add_argument(
        "--json", action="store_true", help="write all numbers as JSON"
    )
    benchmark.set_defaults(command=_run_benchmark)


def _run_benchmark(arguments: argparse.Namespace) -> None:
    from tfcompress.cli.benchmark import run_benchmark

    run_benchmark(
        arguments.files,
        threads=arguments.threads,
        seconds=arguments.seconds,
        profile_operations=arguments.profile,
        as_json=arguments.json,
    )


def _add_inspect(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
) -> None:
    inspect = commands.add_parser(
        "inspect",
        help="what is inside a .tflite, .keras or .h5 file",
        description="Show each layer of a model file: shape, type, bits, zeros, bytes "
        "and multiply-adds; inputs, outputs and operations.",
        epilog="Example: tfcompress inspect small.tflite",
    )
    inspect.add_argument(
        "file", metavar="FILE", help="a .tflite file, or a .keras or .h5 file of Keras"
    )
    inspect.add_argument(
        "--json", action="store_true", help="write JSON instead of a table"
    )
    inspect.add_argument(
        "--trust",
        action="store_true",
        help="let a Keras file run the code of its Lambda layers",
    )
    inspect.set_defaults(command=_run_inspect)


def _run_inspect(arguments: argparse.Namespace) -> None:
    from tfcompress.cli.inspect import run_inspect

    run_inspect(arguments.file, as_json=arguments.json, trusted=arguments.trust)


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    run()

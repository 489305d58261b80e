"""`tfcompress`: the command line.

Each command is a module of this package, loaded when it is asked for: `HELP` says in a
line what it does, `DESCRIPTION` in a sentence or two, `EXAMPLES` holds command lines,
`add_arguments(parser)` adds its flags, and `run(arguments)` does the work and returns
an exit code, or None for 0. Only `run` may load TensorFlow.
"""

import argparse
import contextlib
import importlib
import logging
import os
import sys
import traceback
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

from absl import app, flags
from absl import logging as absl_logging

from tfcompress import __version__
from tfcompress.cli.console import results_alone, without_native_messages
from tfcompress.cli.exit_code import ExitCode
from tfcompress.cli.parser import Parser
from tfcompress.errors import TFCompressError

COMMANDS = (
    "demo",
    "compress",
    "distill",
    "prune",
    "quantize",
    "export",
    "evaluate",
    "compare",
    "benchmark",
    "inspect",
    "recipe",
    "completion",
)


def run() -> None:
    """Runs the command line, and ends the process with its exit code."""
    app.run(main, flags_parser=parse)


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Parses the command line.

    Args:
        argv: The name of the program, and its arguments.

    Returns:
        The arguments of the command, and its function as `run`.
    """
    asked = next((word for word in argv[1:] if not word.startswith("-")), None)
    parser = make_parser((asked,) if asked in COMMANDS else COMMANDS)
    return parser.parse_args(argv[1:])


def make_parser(commands: Sequence[str] = COMMANDS) -> Parser:
    """Returns the parser of the command line.

    Args:
        commands: Those that it knows.
    """
    parser = Parser(
        prog="tfcompress",
        description="Make Keras models small and fast, with measured proof.",
        examples=(
            "tfcompress demo",
            "tfcompress recipe list",
            "tfcompress compress model.keras --recipe balanced --data images.npz "
            "--output run",
        ),
    )
    parser.add_argument("--version", action="version", version=__version__)
    choices = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in commands:
        command = importlib.import_module(f"tfcompress.cli.{name}")
        its = choices.add_parser(
            name,
            help=command.HELP,
            description=command.DESCRIPTION,
            examples=command.EXAMPLES,
        )
        command.add_arguments(its)
        its.add_argument(
            "--debug", action="store_true", help="show where an error came from"
        )
        its.set_defaults(run=command.run)
    return parser


def main(arguments: argparse.Namespace) -> int:
    """Runs a parsed command.

    What it found goes to standard output, everything else to standard error.

    Returns:
        How it ended: an `ExitCode`.
    """
    try:
        with _quiet_libraries(arguments.debug), results_alone():
            return arguments.run(arguments) or ExitCode.DONE
    except TFCompressError as error:
        return _fail(arguments, str(error), ExitCode.BAD_INPUT)
    except KeyboardInterrupt:
        return _fail(arguments, "stopped", ExitCode.INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.DONE
    except OSError as error:
        return _fail(arguments, f"{error}", ExitCode.BAD_INPUT)
    except Exception as error:
        return _fail(
            arguments,
            f"internal error: {type(error).__name__}: {error}. Run the command again "
            "with --debug to see where it came from",
            ExitCode.INTERNAL_ERROR,
        )


def _fail(arguments: argparse.Namespace, message: str, code: ExitCode) -> int:
    if arguments.debug:
        traceback.print_exc()
    sys.stderr.write(f"tfcompress: error: {' '.join(message.split())}\n")
    return code


@contextlib.contextmanager
def _quiet_libraries(debug: bool) -> Iterator[None]:
    """Keeps others from writing what is no error, unless it is asked for."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if flags.FLAGS["verbosity"].using_default_value:
        absl_logging.set_verbosity(absl_logging.ERROR)
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    with contextlib.ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        if not debug:
            warnings.showwarning = _show_warning  # type: ignore[assignment]
            stack.enter_context(without_native_messages())
        yield


def _show_warning(message: Warning | str, *place: Any) -> None:
    sys.stderr.write(f"tfcompress: warning: {' '.join(str(message).split())}\n")


if __name__ == "__main__":
    run()

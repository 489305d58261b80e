"""How arguments are read: errors of one line, with the nearest name."""

import argparse
import sys
import textwrap
from collections.abc import Sequence
from typing import Any, NoReturn

from absl.flags import argparse_flags

from tfcompress.cli.exit_code import ExitCode
from tfcompress.names import suggest

_WIDTH = 80


class Parser(argparse_flags.ArgumentParser):
    """A parser whose help ends with examples, and whose errors are one line.

    Args:
        description: What the command does, in a sentence or two.
        examples: Command lines.
        **keywords: As for `argparse.ArgumentParser`.
    """

    def __init__(
        self, *, description: str = "", examples: Sequence[str] = (), **keywords: Any
    ):
        lines = "".join(f"\n  {example}" for example in examples)
        super().__init__(
            description=textwrap.fill(description, _WIDTH),
            epilog=f"examples:{lines}" if examples else None,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            add_help=False,
            allow_abbrev=False,
            **keywords,
        )
        self.add_argument("-h", "--help", action="help", help="show this, and end")

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parses arguments; what is left over is an error."""
        found, left = self.parse_known_args(args, namespace)
        for argument in left:
            if argument.startswith("-"):
                self._refuse_flag(argument)
            self.error(f"unexpected argument: {argument!r}")
        return found

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parses arguments; misspelled flags are told of before missing ones."""
        if self._subparsers is None:
            for argument in args or ():
                if argument == "--":
                    break
                flag = argument.partition("=")[0]
                if flag.startswith("--") and flag not in self._option_string_actions:
                    self._refuse_flag(flag)
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """Ends the process with one line that says what is wrong."""
        line = " ".join(message.split()).rstrip(".")
        end = "" if line.endswith("?") else "."
        sys.stderr.write(f"tfcompress: error: {line}{end} Help: {self.prog} --help\n")
        raise SystemExit(ExitCode.BAD_INPUT)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            raise argparse.ArgumentError(
                action, f"there is no {value!r}; {suggest(str(value), action.choices)}"
            )

    def _refuse_flag(self, flag: str) -> NoReturn:
        flags = [
            name
            for name, action in self._option_string_actions.items()
            if name.startswith("--") and action.help != argparse.SUPPRESS
        ]
        self.error(f"there is no flag {flag}; {suggest(flag, flags)}")

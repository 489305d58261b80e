"""`tfcompress completion`: the shell completes commands, flags and files."""

import argparse
from typing import Any

from tfcompress.cli.console import output

HELP = "what makes a shell complete commands, flags and files"
DESCRIPTION = (
    "Write a script that makes the shell complete the commands, flags, choices and "
    "files of tfcompress; load it where the shell starts."
)
EXAMPLES = (
    "tfcompress completion bash > "
    "~/.local/share/bash-completion/completions/tfcompress",
    "tfcompress completion zsh > ~/.zfunc/_tfcompress",
)

_FILES = ("FILE", "MODEL", "TEACHER", "DATA")
_FOLDERS = ("DIR", "FOLDER")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the command."""
    parser.add_argument(
        "shell",
        choices=("bash", "zsh", "tcsh"),
        metavar="SHELL",
        help="bash, zsh or tcsh",
    )


def run(arguments: argparse.Namespace) -> None:
    """Writes the script to standard output."""
    import shtab

    from tfcompress.cli.main import make_parser

    parser = make_parser()
    _mark_files(parser, shtab.FILE, shtab.DIRECTORY)
    output().write(shtab.complete(parser, arguments.shell))


def _mark_files(parser: argparse.ArgumentParser, file: Any, folder: Any) -> None:
    """Says of which arguments the shell completes the names of files and folders."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                _mark_files(command, file, folder)
        words = action.metavar if isinstance(action.metavar, str) else ""
        if any(word in words for word in _FILES):
            action.complete = file  # type: ignore[attr-defined]
        elif any(word in words for word in _FOLDERS):
            action.complete = folder  # type: ignore[attr-defined]

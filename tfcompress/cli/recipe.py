"""`tfcompress recipe`: which recipes there are, what they say, whether one is right."""

import argparse
import sys
from typing import Any

from tfcompress.cli.console import output, write_json
from tfcompress.cli.exit_code import ExitCode
from tfcompress.cli.options import add_json
from tfcompress.cli.recipe_paths import find_recipe
from tfcompress.errors import ArgumentError
from tfcompress.pipeline import Pipeline

HELP = "which recipes there are, what they say, and whether your own is right"
DESCRIPTION = (
    "list: the recipes that come with tfcompress. show NAME: the YAML of one, to copy "
    "and change. check FILE: reads a whole recipe and tells all that is wrong with it, "
    "by line; files that it names are looked for from here, as in a run."
)
EXAMPLES = (
    "tfcompress recipe list",
    "tfcompress recipe show balanced > mine.yaml",
    "tfcompress recipe check mine.yaml",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the command."""
    parser.add_argument(
        "action",
        choices=("list", "show", "check"),
        metavar="list|show|check",
        help="what to do",
    )
    parser.add_argument(
        "name",
        nargs="?",
        metavar="NAME|FILE",
        help="of the recipe to show, or to check; a file may be checked too",
    )
    add_json(parser)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Writes what was asked for to standard output."""
    if (arguments.action == "list") != (arguments.name is None):
        expected = {
            "list": "`tfcompress recipe list` and nothing behind it",
            "show": "`tfcompress recipe show NAME`",
            "check": "`tfcompress recipe check FILE`",
        }[arguments.action]
        raise ArgumentError(f"Expected {expected}. Received: {arguments.name!r}")
    if arguments.action == "list":
        return _list(as_json=arguments.json)
    if arguments.action == "show":
        return _show(arguments.name, as_json=arguments.json)
    return _check(arguments.name, as_json=arguments.json)


def _list(*, as_json: bool) -> ExitCode:
    from tfcompress import recipes

    pipelines = [Pipeline.from_recipe(name) for name in recipes.names()]
    if as_json:
        write_json([_summarize(pipeline) for pipeline in pipelines])
        return ExitCode.DONE
    width = max(len(pipeline.name) for pipeline in pipelines)
    for pipeline in pipelines:
        goal = pipeline.description.partition(". ")[0].rstrip(".")
        output().write(f"{pipeline.name:<{width}}  {goal}.\n")
    return ExitCode.DONE


def _show(name: str, *, as_json: bool) -> ExitCode:
    from tfcompress import recipes

    path = recipes.path(name)
    if as_json:
        from tfcompress.pipeline.recipe_file import to_plain

        write_json(to_plain(Pipeline.from_recipe(name)))
    else:
        output().write(path.read_text("utf-8"))
    return ExitCode.DONE


def _check(file: str, *, as_json: bool) -> ExitCode:
    from tfcompress.pipeline.recipe_faults import RecipeError
    from tfcompress.pipeline.recipe_file import check_recipe

    faults: tuple[str, ...] = ()
    found: dict[str, Any] = {}
    try:
        found = _summarize(check_recipe(find_recipe(file)))
    except RecipeError as error:
        faults = error.faults
    if as_json:
        write_json({"file": file, "faults": list(faults), **found})
    elif found:
        output().write(f"{file}: {', '.join(found['stages'])}\n")
    for fault in () if as_json else faults:
        sys.stderr.write(f"tfcompress: error: {fault}\n")
    return ExitCode.BAD_INPUT if faults else ExitCode.DONE


def _summarize(pipeline: Pipeline) -> dict[str, Any]:
    return {
        "name": pipeline.name,
        "description": pipeline.description,
        "needs": list(pipeline.needs),
        "stages": list(pipeline.names),
    }

"""How fast files are, side by side on this machine."""

import dataclasses
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from rich import box
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from tfcompress import printing
from tfcompress.errors import ArgumentError
from tfcompress.measurement.files.runtime import LiteRTModel
from tfcompress.measurement.files.signature_names import signature_names
from tfcompress.measurement.files.subject import file_path
from tfcompress.measurement.speed.first_run import first_run
from tfcompress.measurement.speed.latency import check_effort, time_in_turns
from tfcompress.measurement.speed.machine import describe_machine
from tfcompress.measurement.speed.operation_profile import (
    OperationProfile,
    operation_profile,
)
from tfcompress.measurement.speed.versions import versions
from tfcompress.printing import three_digits
from tfcompress.result import Result

AnyPath = str | os.PathLike[str]

_SUFFIX = ".tflite"


@dataclasses.dataclass(frozen=True)
class FileBenchmark:
    """What one file takes.

    Attributes:
        name: Its name, unique in the benchmark.
        path: Where it is.
        signature: Which of the file's signatures it is, if the file has several.
        bytes: Its size.
        p50_ms: Median of the runs, in milliseconds. One run is one batch of the file,
            usually one sample.
        p90_ms: 90 % of the runs are faster.
        p99_ms: 99 % of the runs are faster.
        lowest_ms: The fastest run.
        ratio: Time in that of the reference, round by round: see `Latency`.
        runs: Runs that were timed.
        load_ms: Milliseconds to load the file in a fresh process.
        first_inference_ms: Milliseconds of the first run in that process.
        peak_bytes: Memory that loading and running took there, or None where the
            system does not tell it: see `first_run`.
        operations: What each operation takes, or None if that was not asked for, or
            if it is not the file's first signature.
    """

    name: str
    path: str
    signature: str | None
    bytes: int
    p50_ms: float
    p90_ms: float
    p99_ms: float
    lowest_ms: float
    ratio: float
    runs: int
    load_ms: float
    first_inference_ms: float
    peak_bytes: int | None
    operations: OperationProfile | None


@dataclasses.dataclass(frozen=True)
class Benchmark(Result):
    """Files on one machine, the fastest first.

    It prints itself: with `print`, in a notebook, and with rich.

    Attributes:
        rows: The files, sorted by their median.
        reference: Name of the file that ratios refer to, the first one given.
        threads: Threads that a run might use.
        machine: One line about the machine.
        runtime: Name and version of the runtime.
    """

    rows: tuple[FileBenchmark, ...]
    reference: str
    threads: int
    machine: str
    runtime: str

    def __getitem__(self, name: str) -> FileBenchmark:
        """Returns the row of this name."""
        for row in self.rows:
            if row.name == name:
                return row
        raise ArgumentError(
            f"Expected one of {[row.name for row in self.rows]}. "
            f"Received: name={name!r}"
        )

    def describe(self) -> str:
        """Says what was measured, where, and what in the machine decides it."""
        threads = "1 thread" if self.threads == 1 else f"{self.threads} threads"
        return (
            f"Times in milliseconds of one run on {self.runtime}, {threads}, files in "
            f"turns; ratios refer to '{self.reference}'. Load, first run and memory "
            f"are those of a fresh process. Machine: {self.machine}. int8 files gain "
            "speed by dot products of int8 numbers (VNNI, or those of Arm), sparse "
            "files by sparse kernels, which Arm has and CPUs with AVX do not."
        )

    def to_markdown(self) -> str:
        """Returns the table in Markdown, with what was measured below."""
        titles = ["", *(column.title.replace("\n", " ") for column in _COLUMNS)]
        rows = [[row.name, *_cells(row)] for row in self.rows]
        return printing.to_markdown(titles, rows, self.describe())

    def __str__(self) -> str:
        profiles = "".join(
            f"\n\n{row.name}\n{row.operations}" for row in self.rows if row.operations
        )
        return super().__str__() + profiles

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> RenderResult:
        yield from super().__rich_console__(console, options)
        for row in self.rows:
            if row.operations is not None:
                yield Text(f"\n{row.name}")
                yield row.operations

    def _table(self) -> Table:
        table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
        table.add_column("file", min_width=10, overflow="fold")
        for column in _COLUMNS:
            table.add_column(column.title, justify="right")
        for row in self.rows:
            table.add_row(Text(row.name), *_cells(row))
        return table


def benchmark(
    files: AnyPath | Iterable[AnyPath] | Mapping[str, AnyPath],
    *,
    threads: int = 1,
    seconds: float = 2.0,
    rounds: int = 40,
    profile_operations: bool = False,
) -> Benchmark:
    """Measures how fast `.tflite` files are on LiteRT, as they run on this machine.

    First all files are loaded, which shows those that cannot be run. Then each is
    loaded and run once in a fresh process, for load time, first run and memory. Last,
    all are timed side by side: see `latency`, whose rounds keep ratios right on a busy
    machine. How fast a file is on a phone, only the phone can tell; how much faster
    than another, a PC can tell where it has the same kinds of instructions, which
    `machine` says.

    Args:
        files: A path, several, or paths by name. A folder stands for all `.tflite`
            files in it, not for those in folders inside.
        threads: Threads that a run may use. Defaults to 1.
        seconds: Time to spend on each file, loading not counted.
        rounds: Turns that each file has in this time.
        profile_operations: Whether to time each operation as well.

    Returns:
        The `Benchmark`, the fastest file first. Files have the names given to them, or
        else that of the file, or the whole path where two would have the same name.
        Each signature of a file with several is a row, as `"both.tflite:encode"`.

    Raises:
        ArgumentError: If there is no file, or if a number is not above 0.
        ModelError: If a file is missing or damaged, or if it cannot be run; the error
            names it.

    Example:
    ```python
    result = tfc.measurement.benchmark({"float": "a.tflite", "int8": "b.tflite"})
    print(result)
    print(result["int8"].ratio, result["int8"].peak_bytes)
    ```
    """
    paths = name_files(files)
    check_effort(rounds, seconds)
    entries = [
        (name if signature is None else f"{name}:{signature}", path, signature)
        for name, path in paths.items()
        for signature in signature_names(path)
    ]
    models = {
        name: LiteRTModel(path, threads=threads, signature=signature)
        for name, path, signature in entries
    }
    firsts = {
        name: first_run(path, threads=threads, signature=signature)
        for name, path, signature in entries
    }
    times = time_in_turns(
        {name: model.invoke_once for name, model in models.items()},
        threads=threads,
        rounds=rounds,
        seconds=seconds * len(models),
    )
    rows = []
    profiled: set[Path] = set(() if profile_operations else paths.values())
    for name, path, signature in entries:
        operations = None
        if path not in profiled:
            operations = operation_profile(path, threads=threads, seconds=seconds)
            profiled.add(path)
        rows.append(
            FileBenchmark(
                name=name,
                path=str(path),
                signature=signature,
                bytes=path.stat().st_size,
                p50_ms=times[name].median_ms,
                p90_ms=times[name].p90_ms,
                p99_ms=times[name].p99_ms,
                lowest_ms=times[name].lowest_ms,
                ratio=times[name].ratio,
                runs=times[name].runs,
                **dataclasses.asdict(firsts[name]),
                operations=operations,
            )
        )
    return Benchmark(
        rows=tuple(sorted(rows, key=lambda row: row.p50_ms)),
        reference=rows[0].name,
        threads=threads,
        machine=describe_machine(),
        runtime=" ".join(["LiteRT", *versions(["ai-edge-litert"]).values()]),
    )


def name_files(
    files: AnyPath | Iterable[AnyPath] | Mapping[str, AnyPath],
) -> dict[str, Path]:
    """Lists the files that `benchmark` measures, by the names that they have there.

    Args:
        files: As in `benchmark`.

    Returns:
        The paths by name.

    Raises:
        ArgumentError: If there is none, or something is no path.

    Example:
    ```python
    name_files(["models", "small.tflite"])
    ```
    """
    if isinstance(files, Mapping):
        named = {str(name): file_path(path) for name, path in files.items()}
    else:
        several: list[AnyPath] = (
            list(files)
            if isinstance(files, Iterable) and not isinstance(files, str)
            else [files]
        )
        paths = list(dict.fromkeys(path for one in several for path in _inside(one)))
        names = [path.name for path in paths]
        named = {
            path.name if names.count(path.name) == 1 else str(path): path
            for path in paths
        }
    if not named:
        raise ArgumentError(
            f"Expected {_SUFFIX} files, or folders with {_SUFFIX} files in them. "
            f"Received: files={files!r}, where there are none"
        )
    return named


def _inside(path: AnyPath) -> list[Path]:
    folder = file_path(path)
    if not folder.is_dir():
        return [folder]
    return sorted(
        file for file in folder.iterdir() if file.suffix == _SUFFIX and file.is_file()
    )


@dataclasses.dataclass(frozen=True)
class _Column:
    title: str
    text: Callable[[FileBenchmark], str]


_COLUMNS = (
    _Column("p50\nms", lambda row: three_digits(row.p50_ms)),
    _Column("p90\nms", lambda row: three_digits(row.p90_ms)),
    _Column("p99\nms", lambda row: three_digits(row.p99_ms)),
    _Column("ratio", lambda row: f"{row.ratio:.2f}"),
    _Column("load\nms", lambda row: f"{row.load_ms:,.1f}"),
    _Column("first\nms", lambda row: three_digits(row.first_inference_ms)),
    _Column(
        "peak\nMB",
        lambda row: "?" if row.peak_bytes is None else f"{row.peak_bytes / 1e6:,.1f}",
    ),
    _Column("bytes", lambda row: f"{row.bytes:,}"),
)


def _cells(row: FileBenchmark) -> list[str]:
    return [column.text(row) for column in _COLUMNS]

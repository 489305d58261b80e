"""Files from elsewhere, tried where a crash does no harm.

LiteRT checks that a file is well formed, and some of what its operations say. Others
it believes, so a damaged file can end the process with a segmentation fault, or run
without end. Each file is therefore run once in a child process before it is run here.
"""

import atexit
import hashlib
import math
import os
import signal
import subprocess
import sys
import threading

from tfcompress.errors import ModelError
from tfcompress.measurement.files.structure import parse_tflite

# A run on the slowest kernels takes some seconds for networks of billions of products.
SECONDS = 30.0
_SECONDS_PER_BYTE = 1e-6

# Memory is filled with a pattern, so that what was never written looks like no pointer.
_SETTINGS = {"MALLOC_PERTURB_": "165", "OPENBLAS_NUM_THREADS": "1"}

_ALARM = getattr(signal, "SIGALRM", None)
_KILL = getattr(signal, "SIGKILL", None)

_PROGRAM = "tfcompress.measurement.files.trial_process"


def check_runs(
    content: bytes, path: str | os.PathLike[str], *, delegates: bool = True
) -> None:
    """Raises an error if running a file would end the process, or never end.

    A file is tried once in a process, whatever it is called, and those that were
    trusted not at all. The child process stays, for the next file; it takes a second to
    start, and then some times as long for a file as loading and running it.

    Args:
        content: The bytes of the file, which are a whole `.tflite` file.
        path: What the file is called in the error.
        delegates: As in `LiteRTModel`.

    Raises:
        ModelError: If the parts of the file do not fit together, or if the child
            process crashed or took too long. What LiteRT refuses with an error is not
            refused here.

    Example:
    ```python
    from pathlib import Path
    from tfcompress.measurement.files.trial import check_runs

    check_runs(Path("small.tflite").read_bytes(), "small.tflite")
    ```
    """
    key = _digest(content), delegates
    if key not in _results:
        parse_tflite(content, path)
        _results[key] = _child.run(content, delegates)
    failure = _results[key]
    if failure is not None:
        raise ModelError(
            "LiteRT cannot run the file: it is damaged, or holds operations that do "
            "not fit together; write it again. "
            f"Received: path={os.fspath(path)!r}, whose trial in a child process "
            f"{failure}"
        )


def trust(content: bytes) -> None:
    """Lets a file be run without a trial, for this process has written it itself.

    Args:
        content: The bytes of the file.

    Example:
    ```python
    from pathlib import Path
    from tfcompress.measurement.files.trial import trust

    trust(Path("small.tflite").read_bytes())
    ```
    """
    digest = _digest(content)
    for delegates in (True, False):
        _results[digest, delegates] = None


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


class _Child:
    """The child process, started when it is needed and again when it has ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0

    def run(self, content: bytes, delegates: bool) -> str | None:
        """Returns how the trial of a file failed, or None."""
        seconds = math.ceil(SECONDS + _SECONDS_PER_BYTE * len(content))
        with self._lock:
            if not self._is_running():
                self._start()
            assert self._process is not None
            # The child process keeps the time itself, where its system can.
            watch = threading.Timer(1.5 * seconds, self._process.kill)
            watch.start()
            code = None
            try:
                code = _ask(self._process, content, delegates, seconds)
                code = self._process.wait() if code is None else code
            finally:
                watch.cancel()
                if code is None or self._process.poll() is not None:
                    self.stop()
        if code == 0:
            return None
        if -code in (_ALARM, _KILL):
            return f"did not end within {seconds} s"
        return f"ended with {f'signal {-code}' if code < 0 else f'exit code {code}'}"

    def _is_running(self) -> bool:
        mine = self._owner == os.getpid()  # a fork has its parent's child
        return mine and self._process is not None and self._process.poll() is None

    def _start(self) -> None:
        self.stop()
        self._process = subprocess.Popen(
            [sys.executable, "-m", _PROGRAM],
            env={**os.environ, **_SETTINGS, "PYTHONPATH": os.pathsep.join(_paths())},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._owner = os.getpid()

    def stop(self) -> None:
        """Ends the child process."""
        process, self._process = self._process, None
        if process is None or self._owner != os.getpid():
            return
        process.kill()
        process.communicate()


def _paths() -> list[str]:
    return [path for path in sys.path if path]


def _ask(
    process: "subprocess.Popen[bytes]", content: bytes, delegates: bool, seconds: int
) -> int | None:
    """Returns how the trial of a file ended, or None if the child process ended."""
    assert process.stdin is not None
    assert process.stdout is not None
    order = b"%s %d %d\n" % (b"x" if delegates else b"o", seconds, len(content))
    try:
        process.stdin.write(order)
        process.stdin.write(content)
        process.stdin.flush()
    except BrokenPipeError:
        return None
    answer = process.stdout.readline()
    return int(answer) if answer else None


_results: dict[tuple[bytes, bool], str | None] = {}
_child = _Child()
atexit.register(_child.stop)

"""Files from elsewhere, tried where a crash does no harm.

LiteRT checks that a file is well formed, and some of what its operations say. Others
it believes, so a damaged file can end the process with a segmentation fault, or run
without end. Each file is therefore run once in a child process before it is run here.
"""

import atexit
import hashlib
import os
import pathlib
import subprocess
import sys
import threading

from tfcompress.errors import ModelError
from tfcompress.measurement.structure import parse_tflite

# A run on the slowest kernels takes some seconds for networks of billions of products.
SECONDS = 30.0
_SECONDS_PER_BYTE = 1e-6

_PROGRAM = pathlib.Path(__file__).with_name("trial_process.py")


def check_runs(
    content: bytes, path: str | os.PathLike[str], *, delegates: bool = True
) -> None:
    """Raises an error if running a file would end the process, or never end.

    A file is tried once in a process, whatever it is called, and those that were
    trusted not at all. The child process stays, for the next file; it takes a third of
    a second to start, and then as long for a file as loading and running it.

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
    from tfcompress.measurement.trial import check_runs

    check_runs(Path("small.tflite").read_bytes(), "small.tflite")
    ```
    """
    key = _digest(content, delegates)
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
    from tfcompress.measurement.trial import trust

    trust(Path("small.tflite").read_bytes())
    ```
    """
    for delegates in (True, False):
        _results[_digest(content, delegates)] = None


def _digest(content: bytes, delegates: bool) -> bytes:
    return hashlib.sha256(content).digest() + bytes([delegates])


class _Child:
    """The child process, started when it is needed and again when it has crashed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0

    def run(self, content: bytes, delegates: bool) -> str | None:
        """Returns how the trial of a file failed, or None."""
        with self._lock:
            # A process may suffer from the files before: only a new one is believed.
            used = self._is_running()
            failure = self._run_once(content, delegates)
            return self._run_once(content, delegates) if failure and used else failure

    def _is_running(self) -> bool:
        mine = self._owner == os.getpid()  # a fork has its parent's child
        return mine and self._process is not None and self._process.poll() is None

    def _run_once(self, content: bytes, delegates: bool) -> str | None:
        if not self._is_running():
            self._start()
        assert self._process is not None
        seconds = SECONDS + _SECONDS_PER_BYTE * len(content)
        late = threading.Event()
        watch = threading.Timer(seconds, _end, [self._process, late])
        watch.start()
        through = False
        try:
            through = _ask(self._process, content, delegates)
            code = 0 if through else self._process.wait()
        finally:
            watch.cancel()
            if not through:
                self.stop()
        if through:
            return None
        if late.is_set():
            return f"did not end within {seconds:.0f} s"
        return f"ended with {f'signal {-code}' if code < 0 else f'exit code {code}'}"

    def _start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(_PROGRAM)],
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


def _ask(process: "subprocess.Popen[bytes]", content: bytes, delegates: bool) -> bool:
    """Returns whether the child process came through a file."""
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(b"%s %d\n" % (b"d" if delegates else b"k", len(content)))
        process.stdin.write(content)
        process.stdin.flush()
    except BrokenPipeError:
        return False
    return bool(process.stdout.readline())


def _end(process: "subprocess.Popen[bytes]", late: threading.Event) -> None:
    late.set()
    process.kill()


_results: dict[bytes, str | None] = {}
_child = _Child()
atexit.register(_child.stop)

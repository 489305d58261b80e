"""Processes that train together, and what they say."""

import json
import os
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

SECONDS = 400
_TAKEN = ("could not start grpc server", "address already in use")
ROOT = Path(__file__).parents[1]


def run_workers(
    command: Callable[[int], Sequence[str]], folder: Path, *, count: int = 2
) -> list[tuple[str, str]]:
    """Runs workers of one cluster, and returns what each wrote.

    The ports of the cluster are free when they are chosen; where another process was
    faster to take one, the workers start once more on others.

    Args:
        command: The words of the command of a worker, by its number.
        folder: Where what they write is kept.
        count: How many.

    Returns:
        Standard output and standard error of each.
    """
    deadline = time.monotonic() + SECONDS
    for attempt in range(2):
        places = [folder / f"worker_{attempt}_{number}" for number in range(count)]
        codes = _run_once(command, places, deadline)
        written = [
            (Path(f"{place}.out").read_text(), Path(f"{place}.err").read_text())
            for place in places
        ]
        said = "".join(errors for _, errors in written).lower()
        if not any(codes) or not any(words in said for words in _TAKEN):
            break
    assert codes == [0] * count, "\n".join(errors[-3000:] for _, errors in written)
    return written


def _run_once(
    command: Callable[[int], Sequence[str]], places: Sequence[Path], deadline: float
) -> list[int | None]:
    """Returns the exit code of each worker, None where it was still at work."""
    addresses = [f"localhost:{port}" for port in _free_ports(len(places))]
    processes = []
    try:
        for number, place in enumerate(places):
            task = {"type": "worker", "index": number}
            config = {"cluster": {"worker": addresses}, "task": task}
            with open(f"{place}.out", "wb") as out, open(f"{place}.err", "wb") as err:
                processes.append(
                    subprocess.Popen(
                        [*map(str, command(number))],
                        cwd=ROOT,
                        env={
                            **os.environ,
                            "TF_CPP_MIN_LOG_LEVEL": "3",
                            "TF_CONFIG": json.dumps(config),
                        },
                        stdout=out,
                        stderr=err,
                    )
                )
        while time.monotonic() < deadline:
            codes = [process.poll() for process in processes]
            if None not in codes or any(codes):
                break
            time.sleep(0.2)
        return [process.poll() for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait()


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("localhost", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports

"""Commands train on several devices and machines."""

import json
import os
import socket
import subprocess
import sys

import pytest

from tests.cli.tiny import call, write_inputs

pytestmark = pytest.mark.slow


def words(folder):
    given = [folder / "model.keras", "--data", folder / "data.npz"]
    given += ["--recipe", folder / "recipe.yaml", "--output", folder / "run", "--json"]
    return ["compress", *map(str, given)]


def test_all_devices_of_this_machine(tmp_path, capsys):
    write_inputs(tmp_path)
    assert call(*words(tmp_path), "--strategy", "mirrored") == 0
    assert list(json.loads(capsys.readouterr().out)["stages"]) == [
        "quantize",
        "export",
        "evaluate",
    ]


def free_ports(number):
    sockets = [socket.create_server(("localhost", 0)) for _ in range(number)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def test_two_workers_of_whom_the_chief_writes(tmp_path):
    write_inputs(tmp_path)
    workers = [f"localhost:{port}" for port in free_ports(2)]
    command = [sys.executable, "-m", "tfcompress.cli.main", *words(tmp_path)]
    processes = []
    for index in range(2):
        task = {"type": "worker", "index": index}
        config = {"cluster": {"worker": workers}, "task": task}
        processes.append(
            subprocess.Popen(
                [*command, "--strategy", "multiworker"],
                env={**os.environ, "TF_CONFIG": json.dumps(config)},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    try:
        (first, errors), (second, others) = [
            process.communicate(timeout=500) for process in processes
        ]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0, 0], errors + others
    assert list(json.loads(first)["stages"]) == ["quantize", "export", "evaluate"]
    assert second == ""

import shutil
import subprocess

import pytest

from tests.cli.tiny import call


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_the_script_knows_commands_and_flags(shell, capsys):
    assert call("completion", shell) == 0
    script = capsys.readouterr().out
    for word in ("tfcompress", "benchmark", "recipe", "--target", "--confidence"):
        assert word.removeprefix("--" if shell == "tcsh" else "") in script


def complete(script, *words):
    """What bash offers for the last word."""
    line = " ".join(words)
    asking = (
        f"{script}\nCOMP_WORDS=({' '.join(f'{word!r}' for word in words)})\n"
        f"COMP_CWORD={len(words) - 1}\nCOMP_LINE={line!r}\nCOMP_POINT={len(line)}\n"
        "$(complete -p tfcompress | sed 's/.*-F \\([^ ]*\\).*/\\1/') tfcompress "
        f"{words[-1]!r} {words[-2]!r}\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"\n"
    )
    done = subprocess.run(
        [shutil.which("bash"), "-c", asking], capture_output=True, text=True, timeout=30
    )
    return {word.strip() for word in done.stdout.splitlines()}


def test_bash_completes(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.tflite").touch()
    call("completion", "bash")
    script = capsys.readouterr().out
    assert complete(script, "tfcompress", "comp") == {
        "compress",
        "compare",
        "completion",
    }
    assert complete(script, "tfcompress", "inspect", "--tr") == {"--trust"}
    assert complete(script, "tfcompress", "recipe", "sh") == {"show"}
    assert complete(script, "tfcompress", "inspect", "sma") == {"small.tflite"}


def test_unknown_shell(capsys):
    assert call("completion", "bsh") == 2
    assert "did you mean 'bash'" in capsys.readouterr().err

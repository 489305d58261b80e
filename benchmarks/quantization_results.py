"""The results of `quantization.py`: kept, and shown as tables with their bars."""

import json
import statistics
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from quantization_tasks import TASKS

# Bars: points that 8 and 4 bits may lose.
LOSS, LOSS_OF_4_BITS = 0.3, 1.5
AT_8_BITS = ("converter", "ai-edge-quantizer", "TF-MOT")


class Results:
    """What was measured, in a file of JSON lines.

    Args:
        path: Of the file.
    """

    def __init__(self, path: Path):
        self.path = path

    def add(self, **result: Any) -> None:
        """Writes one more result."""
        with self.path.open("a") as file:
            file.write(json.dumps(result) + "\n")

    def read(self) -> dict[tuple[str, int, str], dict[str, Any]]:
        """Returns the results by task, seed and row."""
        if not self.path.exists():
            return {}
        found = map(json.loads, self.path.read_text().splitlines())
        return {(one["task"], one["seed"], one["row"]): one for one in found}


def as_table(name: str, results: Results, rows: Iterable[str]) -> str:
    """Returns what was measured of a task, over its seeds.

    Args:
        name: Of the task.
        results: Where to read it.
        rows: Names of the rows, in order.

    Returns:
        A table in Markdown, and a line for each bar on accuracy.
    """
    found = {
        key[1:]: result for key, result in results.read().items() if key[0] == name
    }
    seeds = sorted({seed for seed, _ in found})
    titles = "row | accuracy, % | mean | to float | KB | time | agreement, % | in float"
    lines = [f"\n{TASKS[name].title}\n", f"| {titles} |", "|---" * 8 + "|"]
    accuracy: dict[str, dict[int, float]] = {}
    for row in rows:
        measured = [found[seed, row] for seed in seeds if (seed, row) in found]
        errors = [one["error"] for one in measured if "error" in one]
        if errors or not measured:
            text = " ".join(errors[0].split())[:90] if errors else "not measured"
            lines.append(f"| {row} | {text} |" + " |" * 6)
            continue
        means = {
            column: statistics.mean(one[column] for one in measured)
            for column in ("bytes", "latency", "agreement", "float operations")
        }
        accuracy[row] = {one["seed"]: 100 * one["accuracy"] for one in measured}
        to_float = statistics.mean(differences(accuracy[row], accuracy["float"]))
        cells = (
            row,
            ", ".join(f"{value:.2f}" for value in accuracy[row].values()),
            f"{statistics.mean(accuracy[row].values()):.2f}",
            f"{to_float:+.2f}",
            f"{means['bytes'] / 1000:.1f}",
            f"{means['latency']:.2f}",
            f"{100 * means['agreement']:.2f}",
            f"{means['float operations']:.0f} of {measured[0]['operations']}",
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", *bars(accuracy)])


def differences(some: dict[int, float], others: dict[int, float]) -> list[float]:
    """Returns by how much some figures are above others, for the seeds of both."""
    return [some[seed] - others[seed] for seed in some if seed in others]


def bars(accuracy: dict[str, dict[int, float]]) -> list[str]:
    """Says of each bar on accuracy whether it is held."""
    lines = []
    for ours in ("ours", "ours, distilled"):
        for other in AT_8_BITS:
            if ours in accuracy and other in accuracy:
                found = differences(accuracy[ours], accuracy[other])
                mean, spread = statistics.mean(found), statistics.pstdev(found)
                held = "above" if mean > spread else "equal"
                held = "BELOW" if mean < -spread else held
                held = "one seed" if len(found) == 1 else held
                lines.append(
                    f"{ours} - {other}: {mean:+.2f}, spread {spread:.2f}: {held}"
                )
    allowed = {
        "ours": LOSS,
        "ours, distilled": LOSS,
        "ours, 4 bits, distilled": LOSS_OF_4_BITS,
    }
    for row, loss in allowed.items():
        if row in accuracy:
            change = statistics.mean(differences(accuracy[row], accuracy["float"]))
            held = "held" if change >= -loss else "NOT HELD"
            lines.append(f"{row} - float: {change:+.2f}, bar -{loss}: {held}")
    return lines

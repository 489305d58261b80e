"""The command removes weights, channels or blocks, by exactly one goal."""

import json

import keras
import numpy as np
import pytest

from tests.cli.tiny import call, write_inputs
from tfcompress.cli.main import parse
from tfcompress.cli.prune import make_stage
from tfcompress.measurement import count_weights
from tfcompress.pipeline import PruneChannels, PruneLayers, PruneWeights


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    return write_inputs(tmp_path_factory.mktemp("inputs"))


def test_weights(inputs, tmp_path, capsys):
    output = tmp_path / "run"
    words = [inputs / "model.keras", "--data", inputs / "data.npz", "--sparsity", 0.75]
    words += ["--epochs", 1, "--batch-size", 16, "--output", output, "--json"]
    assert call("prune", *words) == 0
    values = json.loads(capsys.readouterr().out)
    assert list(values["stages"]) == ["prune_weights", "export", "evaluate"]
    pruned = keras.models.load_model(output / "01-prune_weights" / "model.keras")
    for layer in pruned.layers:
        zeros = (np.asarray(layer.kernel.numpy()) == 0).mean()
        assert zeros == pytest.approx(0.75, abs=0.03)
    assert count_weights(values["artifacts"]["export"]).sparsity > 0.5


@pytest.mark.parametrize(
    ("flags", "kind", "field", "value"),
    [
        (["--sparsity", "0.9"], PruneWeights, "sparsity", 0.9),
        (["--ratio", "0.3"], PruneChannels, "ratio", 0.3),
        (["--macs", "0.5"], PruneChannels, "macs", 0.5),
        (["--bytes", "20000"], PruneChannels, "bytes", 20000),
        (["--latency-ms", "0.2"], PruneChannels, "latency_ms", 0.2),
        (["--blocks", "2"], PruneLayers, "blocks", 2),
    ],
)
def test_goals(flags, kind, field, value):
    words = ["tfcompress", "prune", "model.keras", "--data", "d", "--output", "run"]
    stage = make_stage(parse([*words, *flags]))
    assert type(stage) is kind
    assert getattr(stage, field) == value
    assert stage.distillation.teacher == "original"
    assert stage.training is not None

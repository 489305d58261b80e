"""The stage that writes the file knows its targets and schemes by name."""

import typing

import pytest

from tfcompress.errors import ArgumentError
from tfcompress.export import TARGETS
from tfcompress.pipeline import Export, Pipeline
from tfcompress.pipeline.stages.export import SchemeName
from tfcompress.quantization.schemes import SCHEMES


def test_every_target_and_scheme_is_known():
    assert [Export(target=name).target for name in TARGETS] == list(TARGETS)
    assert typing.get_args(SchemeName) == tuple(SCHEMES)
    assert Export(target="mine.toml").target == "mine.toml"


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ({"target": "cpu_int9"}, "did you mean 'cpu_int8'.*Received: target='cpu_int9"),
        ({"target": "tpu"}, "the Coral Edge TPU is 'edgetpu'"),
        ({"scheme": "int7"}, "scheme must be one of .*Received: scheme='int7'"),
    ],
)
def test_other_names(field, message, tmp_path):
    with pytest.raises(ArgumentError, match=message):
        Export(**field)
    ((name, value),) = field.items()
    path = tmp_path / "recipe.yaml"
    path.write_text(f"stages:\n  - export: {{{name}: {value}}}\n")
    with pytest.raises(ArgumentError, match="line 2.*Received"):
        Pipeline.from_yaml(path)

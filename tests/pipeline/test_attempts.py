import dataclasses

import pytest

from tfcompress.pipeline import Export, FineTune, Pipeline
from tfcompress.pipeline.attempt import Attempt
from tfcompress.pipeline.attempts import Attempts
from tfcompress.pipeline.progress import Progress


class Given(Attempts):
    """Ways whose files have known bytes and drops; broken ones give none."""

    def __init__(self, demands, sizes, *, broken=(), drop=0.0):
        self._demands = demands
        self._sizes = sizes
        self._broken = broken
        self._drop_of_all = drop
        self._progress = Progress(quiet=True)
        self.metric = "accuracy"
        self.all = ()
        self.trained = []

    def _try(self, pipeline, folder):
        size = self._sizes[pipeline.name]
        attempt = Attempt(pipeline.name, pipeline, bytes=size, reason="too large")
        attempt = dataclasses.replace(attempt, shortfall=self._shortfall(attempt))
        return attempt if attempt.shortfall else self._train(pipeline, folder)

    def _train(self, pipeline, folder):
        self.trained.append(pipeline.name)
        if pipeline.name in self._broken:
            return Attempt(pipeline.name, pipeline, reason="broken")
        attempt = Attempt(
            pipeline.name,
            pipeline,
            artifact=object(),
            bytes=self._sizes[pipeline.name],
            latency_ms=1.0,
            quality=0.9,
            drop=self._drop_of_all,
        )
        return dataclasses.replace(attempt, shortfall=self._shortfall(attempt))


def climb(demands, sizes, **given):
    attempts = Given(demands, sizes, **given)
    # Stages of their own, so that no way is needless.
    stages = {name: FineTune(name=f"tune_{name}") for name in sizes}
    attempts.climb(
        [Pipeline([stage, Export()], name=name) for name, stage in stages.items()]
    )
    return attempts


SIZES = {"a": 500, "b": 300, "c": 400}


def test_nearest_alone_is_trained_where_none_fits():
    attempts = climb({"max_bytes": 100}, SIZES)
    assert attempts.trained == ["b"]
    assert attempts.best.name == "b"
    assert attempts.best.shortfall == {"max_bytes": 200}


@pytest.mark.parametrize(
    ("broken", "trained"), [(["b"], ["b", "c"]), (["b", "c"], ["b", "c", "a"])]
)
def test_next_is_trained_where_the_nearest_gives_no_file(broken, trained):
    attempts = climb({"max_bytes": 100}, SIZES, broken=broken)
    assert attempts.trained == trained
    assert attempts.best.name == trained[-1]
    assert [each.name for each in attempts.all] == ["a", "b", "c"]


def test_larger_one_is_trained_where_the_one_that_fits_gives_no_file():
    attempts = climb({"max_bytes": 300}, SIZES, broken=["b"])
    assert attempts.trained == ["b", "c"]
    assert attempts.best.name == "c"


@pytest.mark.parametrize(("limit", "met"), [(0.05, True), (0.0499, False)])
def test_drop_of_the_allowed_size_is_met(limit, met):
    drop = 0.75 - 0.70
    assert drop > 0.05  # In floats, by the last digit.
    assert climb({"max_drop": limit}, {"a": 500}, drop=drop).best.met is met

"""Why a stage that was done is done again."""

import json

from tfcompress.pipeline.stage_record import StageRecord

_SAID = {
    "loss": "the loss",
    "model": "the model",
    "seed": "the seed",
    "target": "the target",
    "teacher": "the teacher",
    "test": "the test data",
    "train": "the training data",
    "validation": "the validation data",
}


def what_changed(done: StageRecord, now: StageRecord) -> list[str]:
    """Returns what is not as it was when a stage was done, in plain words.

    Args:
        done: What the stage left.
        now: The same stage, to be done.

    Returns:
        Such as `["the model", "its settings"]`.

    Example:
    ```python
    from tfcompress.pipeline.stage_record import StageRecord
    from tfcompress.pipeline.what_changed import what_changed

    done = StageRecord("0f3a", "export", "export", {"batch": 1}, {"model": "a"})
    now = StageRecord("77c1", "export", "export", {"batch": 1}, {"model": "b"})
    assert what_changed(done, now) == ["the model"]
    ```
    """
    changed = [
        _SAID.get(name, f"the {name}").replace("file ", "file of ", 1)
        for name in dict.fromkeys([*now.inputs, *done.inputs])
        if done.inputs.get(name) != now.inputs.get(name)
    ]
    return changed if _text(done) == _text(now) else [*changed, "its settings"]


def _text(record: StageRecord) -> str:
    return json.dumps([record.kind, record.config], sort_keys=True, default=str)

"""Gathers what a teacher says of samples until it fills a shard."""

from typing import Any

import numpy as np

from tfcompress.distillation.teachers.teacher_cache import TeacherCache
from tfcompress.errors import DataError


class ShardWriter:
    """Adds samples to a cache, each once.

    Args:
        cache: Where to write.
        samples: Samples in a shard.
    """

    def __init__(self, cache: TeacherCache, samples: int):
        self.cache = cache
        self._records = np.empty(samples, cache.records.dtype)
        self._rows: dict[int, int] = {}

    def has(self, ids: Any) -> bool:
        """Returns whether all these samples are stored or waiting."""
        absent = ids[self.cache.find(ids) < 0]
        return all(number in self._rows for number in absent.tolist())

    def add(self, ids: Any, records: Any) -> None:
        """Adds those samples of a batch that are new.

        Raises:
            DataError: If a sample has the fingerprint of another, of which the teacher
                says something else.
            OutputError: If a shard cannot be written.
        """
        unique, first, same = np.unique(ids, return_index=True, return_inverse=True)
        self._check(records, records[first][same])
        places = self.cache.find(unique)
        stored = places >= 0
        self._check(records[first[stored]], self.cache.rows(places[stored]))
        for i in np.sort(first[~stored]).tolist():
            number = int(ids[i])
            row = self._rows.get(number)
            if row is not None:
                self._check(records[i : i + 1], self._records[row : row + 1])
                continue
            self._records[len(self._rows)] = records[i]
            self._rows[number] = len(self._rows)
            if len(self._rows) == len(self._records):
                self.flush()

    def flush(self) -> None:
        """Writes the samples that wait, if there are any, as a shard."""
        if self._rows:
            ids = np.fromiter(self._rows, np.int64, len(self._rows))
            self.cache.write(ids, self._records[: len(ids)])
            self._rows = {}

    def _check(self, records: Any, known: Any) -> None:
        if not self.cache.records.agree(records, known):
            raise DataError(
                "Two samples have one fingerprint, yet the teacher says different "
                "things of them. It must give the same for the same inputs, in "
                "inference mode; if it does, this is a rare collision: drop one of the "
                f"samples. Received: a batch of {len(records)} samples"
            )

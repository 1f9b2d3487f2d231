"""All rows of one series, read from the features log while it is written."""

import numpy as np
import redis

from natron.parity.comparison import Published
from shared.broker import fields_of
from shared.codec import decode_row
from shared.contracts import FeatureRow, Prediction, Series
from shared.gate import START
from shared.names import Names

_READ = 1_000


class RowCollector:
    """Reads a partition's features log from its start; nothing holds it, so ``system.log_keep`` must be long enough."""

    def __init__(self, client: redis.Redis, names: Names, series: Series, feature_set: str) -> None:
        self._client, self._log = client, names.features(series.partition, feature_set[:8])
        self._position = START
        self._rows: list[FeatureRow] = []

    def __len__(self) -> int:
        return len(self._rows)

    def turn(self) -> None:
        """Read what is there."""
        while True:
            reply = self._client.execute_command("XREAD", "COUNT", _READ, "STREAMS", self._log, self._position)
            if not reply:
                return
            for entry in reply[0][1]:
                self._rows.append(decode_row(fields_of(entry)[b"m"]))
                self._position = entry[0].decode()

    def published(self, predictions: list[Prediction], width: int) -> Published:
        """Everything, with the predictions beside it; ``width`` features a row."""
        rows = np.empty((len(self._rows), width), np.float32)
        for at, row in enumerate(self._rows):
            rows[at] = row.values
        times = np.array([row.t for row in self._rows], np.int64)
        return Published(times, np.array([row.n for row in self._rows], np.int64), rows, predictions)

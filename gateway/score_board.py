"""Live scores and fills, as other services publish them: whatever they say, newest first."""

import json
from typing import Any

import redis

from shared.broker import fields_of
from shared.contracts import PARTITIONS
from shared.names import Names

SHOWN_MAX = 500


class ScoreBoard:
    """Reader of scores and fills."""

    def __init__(self, client: redis.Redis, names: Names) -> None:
        self._client, self._names = client, names

    def scores(self) -> list[dict[str, Any]]:
        """Newest scores, at most ``SHOWN_MAX``; [] where nobody scores."""
        return self._newest([self._names.scores(p) for p in range(PARTITIONS)])

    def _newest(self, keys: list[str]) -> list[dict[str, Any]]:
        pipeline = self._client.pipeline(transaction=False)
        for key in keys:
            pipeline.execute_command("XREVRANGE", key, "+", "-", "COUNT", SHOWN_MAX)
        found: list[tuple[int, dict[str, Any]]] = []
        for entries in pipeline.execute():
            for entry in entries:
                document = _document(fields_of(entry))
                if document is not None:
                    found.append((int(entry[0].split(b"-")[0]), document))
        found.sort(key=lambda one: one[0], reverse=True)
        return [document for _, document in found[:SHOWN_MAX]]


def _document(fields: dict[bytes, bytes]) -> dict[str, Any] | None:
    """JSON object of a message; None where it is none."""
    try:
        found = json.loads(fields.get(b"m", b""))
    except ValueError:
        return None
    return found if isinstance(found, dict) else None

"""Live scores and drift as the scorer publishes them: the newest of each series and bundle."""

import json
from typing import Any

import redis

from shared.contracts import PARTITIONS
from shared.names import Names

Documents = list[dict[str, Any]]


class ScoreBoard:
    """Reader of what the scorer says."""

    def __init__(self, client: redis.Redis, names: Names) -> None:
        self._client, self._names = client, names

    def newest(self) -> tuple[Documents, Documents]:
        """Scores, and drift; each ordered by series. Both are [] where nobody scores."""
        pipeline = self._client.pipeline(transaction=False)
        for p in range(PARTITIONS):
            pipeline.hgetall(self._names.latest_scores(p))
        found: dict[bytes, Documents] = {b"score": [], b"drift": []}
        for messages in pipeline.execute():
            for field, message in sorted(messages.items()):
                document = _document(message)
                if document is not None:
                    found.get(field.partition(b" ")[0], []).append(document)
        for documents in found.values():
            documents.sort(key=lambda one: str(one.get("series", "")))
        return found[b"score"], found[b"drift"]


def _document(message: bytes) -> dict[str, Any] | None:
    """JSON object of a message; None where it is none."""
    try:
        found = json.loads(message)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None

"""A broker as ``compose.yaml`` runs it: the users of ``natron secrets``, and nobody else."""

from collections.abc import Iterator

import pytest

from shared.testing import GuardedBroker, guarded_broker


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedBroker]:
    with guarded_broker(tmp_path_factory.mktemp("guarded") / "secrets") as broker:
        yield broker

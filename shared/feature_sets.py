"""Which feature sets are being computed: feature services say so, workers look before they wait in vain."""

import redis
import structlog

from shared.clock import Clock
from shared.membership import Membership, live_members
from shared.names import Names
from shared.readiness import Readiness

CONDITION = "feature_set"
_SERVICE = "feature_sets"

_log = structlog.get_logger()


class FeatureSetAnnouncement:
    """A feature service's word that it computes a set; it is forgotten as a membership is."""

    def __init__(self, client: redis.Redis, names: Names, feature_set: str, clock: Clock) -> None:
        self._membership = Membership(client, names, _SERVICE, feature_set, clock)

    def renew(self) -> None:
        """Say it again."""
        self._membership.renew()


class FeatureSetWatch:
    """A worker's look whether anybody computes the rows that its bundle reads.

    Rows that still wait are predicted all the same; where nobody computes any set, there is nothing to compare with.
    """

    def __init__(self, client: redis.Redis, names: Names, feature_set: str, bundle: str, readiness: Readiness) -> None:
        self._client, self._names, self._readiness = client, names, readiness
        self._ours, self._bundle = feature_set, bundle

    def look(self) -> None:
        """Be ready, or say which sets there are instead."""
        computed = live_members(self._client, self._names, _SERVICE)
        if not computed or self._ours in computed:
            self._readiness.met(CONDITION)
            return
        why = (
            f"bundle {self._bundle} reads feature set {self._ours}, the running feature service computes "
            f"{' and '.join(computed)}; serve a bundle of that set, or start the feature service of this one"
        )
        self._readiness.unmet(CONDITION, why)
        _log.error("feature_set_mismatch", bundle=self._bundle, reads=self._ours, computed=computed, error=why)

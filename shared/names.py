"""Every key and stream name in the broker. ``{p}`` is a hash tag: one partition's keys share a cluster slot."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Names:
    """Key names under one namespace; ``set8`` is the first eight digits of a feature-set hash."""

    namespace: str = "natron"

    @property
    def meta(self) -> str:
        """Hash: partition count and schema version."""
        return f"{self.namespace}:meta"

    @property
    def champion(self) -> str:
        """Hash: the champion bundle's id, its promote number, since when, and the champions before it."""
        return f"{self.namespace}:champion"

    @property
    def bundles(self) -> str:
        """Hash: bundle that was pushed -> the sha256 of each of its files, as JSON."""
        return f"{self.namespace}:bundles"

    def bundle_chunks(self, sha256: str) -> str:
        """List: a file of a bundle, in pieces, under the sha256 of its content: a hash tag, for it is renamed."""
        return f"{self.namespace}:bundle:{{{sha256}}}"

    @property
    def serving(self) -> str:
        """Hash: worker -> what it serves, and which bundle it refused and why, as JSON."""
        return f"{self.namespace}:serving"

    @property
    def halts(self) -> str:
        """Hash: encoded symbol, or ``*`` -> since when, epoch ms, its predictions say HALTED."""
        return f"{self.namespace}:halts"

    @property
    def drift(self) -> str:
        """Hash: series whose predictions say DRIFT -> why; the scorer's."""
        return f"{self.namespace}:drift"

    @property
    def expiries(self) -> str:
        """Hash: bundle -> epoch ms from which its predictions say EXPIRED."""
        return f"{self.namespace}:expiries"

    @property
    def alerts(self) -> str:
        """Hash: alert that stands and was told -> its words."""
        return f"{self.namespace}:alerts"

    def members(self, service: str) -> str:
        """Sorted set of a service's live instances by expiry, broker's epoch ms."""
        return f"{self.namespace}:members:{service}"

    def departures(self, service: str) -> str:
        """Stream of one entry, the last instance of a service that left: it wakes those that share its work."""
        return f"{self.namespace}:departures:{service}"

    def candles(self, p: int) -> str:
        """Log of admitted candles, written by admission alone."""
        return f"{self.namespace}:{{{p}}}:candles"

    def history(self, p: int, series: str) -> str:
        """Stream of a series' candles, entry ID = t."""
        return f"{self.namespace}:{{{p}}}:history:{series}"

    def series(self, p: int) -> str:
        """Hash series -> ``n source``."""
        return f"{self.namespace}:{{{p}}}:series"

    def calendars(self, p: int) -> str:
        """Hash series -> the name of its calendar; for a learned one ``learned first-t``."""
        return f"{self.namespace}:{{{p}}}:calendars"

    def weeks(self, p: int, series: str) -> str:
        """Bitmap: which candles a series that learns its calendar had in its first eight weeks."""
        return f"{self.namespace}:{{{p}}}:weeks:{series}"

    def features(self, p: int, set8: str) -> str:
        """Log of feature rows."""
        return f"{self.namespace}:{{{p}}}:features:{set8}"

    def window(self, p: int, set8: str, series: str) -> str:
        """Stream of a series' newest rows, entry ID = t."""
        return f"{self.namespace}:{{{p}}}:window:{set8}:{series}"

    def predictions(self, p: int) -> str:
        """Log of predictions."""
        return f"{self.namespace}:{{{p}}}:predictions"

    def shadow(self, p: int, bundle: str) -> str:
        """Log of a challenger's predictions, of no consequence to anybody."""
        return f"{self.namespace}:{{{p}}}:shadow:{bundle}"

    def shadow_recent(self, p: int, bundle: str, series: str) -> str:
        """Stream of a challenger's newest predictions of a series, entry ID = t."""
        return f"{self.namespace}:{{{p}}}:shadow:{bundle}:{series}"

    def recent(self, p: int, series: str) -> str:
        """Stream of a series' newest predictions, entry ID = t."""
        return f"{self.namespace}:{{{p}}}:recent:{series}"

    def latest(self, p: int) -> str:
        """Hash series -> its newest prediction."""
        return f"{self.namespace}:{{{p}}}:latest"

    def outcomes(self, p: int) -> str:
        """Log of what became of the champion's predictions; the scorer's."""
        return f"{self.namespace}:{{{p}}}:outcomes"

    def outcome_recent(self, p: int, series: str) -> str:
        """Stream of a series' newest outcomes, entry ID = t."""
        return f"{self.namespace}:{{{p}}}:outcome:{series}"

    def shadow_outcomes(self, p: int, bundle: str) -> str:
        """Log of what became of a challenger's predictions."""
        return f"{self.namespace}:{{{p}}}:shadow_outcomes:{bundle}"

    def shadow_outcome_recent(self, p: int, bundle: str, series: str) -> str:
        """Stream of a challenger's newest outcomes of a series, entry ID = t."""
        return f"{self.namespace}:{{{p}}}:shadow_outcome:{bundle}:{series}"

    def scores(self, p: int) -> str:
        """Log of rolling scores and of drift, as ``shared.scores`` says."""
        return f"{self.namespace}:{{{p}}}:scores"

    def latest_scores(self, p: int) -> str:
        """Hash ``kind series bundle`` -> its newest message of the scores log."""
        return f"{self.namespace}:{{{p}}}:latest_scores"

    def position(self, p: int) -> str:
        """Hash of progress: stage -> ``last-id read-count promote``."""
        return f"{self.namespace}:{{{p}}}:position"

    def attempts(self, p: int) -> str:
        """Hash stage -> ``first-id last-id times`` of the batch under way."""
        return f"{self.namespace}:{{{p}}}:attempts"

    def passages(self, p: int) -> str:
        """Stream of who finished which batch, and when: for ``natron trace``."""
        return f"{self.namespace}:{{{p}}}:passages"

    def dead(self, p: int) -> str:
        """Stream of dead letters."""
        return f"{self.namespace}:{{{p}}}:dead"

    def rejects(self, p: int) -> str:
        """Stream of candles refused as late, revised or foreign."""
        return f"{self.namespace}:{{{p}}}:rejects"

    @property
    def acks(self) -> str:
        """Log of what Expert Advisors say happened: to signals, orders and fills, and how they stand."""
        return f"{self.namespace}:{{acks}}:log"

    def acks_taken(self, client: str, symbol: str, run: str) -> str:
        """Highest number taken of the acks of one run (client and symbol encoded); of the log's slot."""
        return f"{self.namespace}:{{acks}}:taken:{client}:{symbol}:{run}"

    def bridge_clients(self, instance: str) -> str:
        """JSON: who is connected to a bridge, and how far behind; gone soon after the bridge is."""
        return f"{self.namespace}:clients:{instance}"

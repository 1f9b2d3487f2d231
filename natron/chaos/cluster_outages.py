"""Primaries of a cluster killed, stopped, handed over, full or without replicas, one at a time; each fails over."""

import os
import random
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from redis.crc import key_slot

from natron.chaos.record import Record
from natron.chaos.refusals import REFUSALS, Refusal
from natron.chaos.schedule import Event
from shared.broker import LOST
from shared.errors import BrokerError
from shared.local_cluster import LocalCluster, Node

SETTLED_TIMEOUT_S = 60.0
_OF_A_CLUSTER = {"broker-load": "handover", "readonly": "handover"}
"""What a node of a cluster goes through instead: killed, it loads as a replica, which nobody meets; made a replica of
another, its writes are moved rather than refused."""


class ClusterOutages:
    """One outage at a time; it is over when the cluster is whole again.

    Parameters
    ----------
    keys
        What the system lives on: an outage hits the primary of one of them.

    Attributes
    ----------
    reachable
        Whether every slot is served by a primary that the others agree on.
    """

    def __init__(self, cluster: LocalCluster, keys: Sequence[str], draw: random.Random, record: Record) -> None:
        self._cluster, self._draw, self._record = cluster, draw, record
        self._slots = [key_slot(key.encode()) for key in keys]
        self._step: Callable[[], bool] | None = None  # does what is due; True when the outage is over
        self.reachable = True

    @property
    def under_way(self) -> bool:
        """Whether one has begun and is not over."""
        return self._step is not None

    def begin(self, event: Event) -> None:
        """Begin an outage."""
        kind = _OF_A_CLUSTER.get(event.kind, event.kind)
        slot = self._draw.choice(self._slots)
        victim = self._cluster.primary_of(slot)
        if victim is None:
            raise BrokerError(f"chaos: {kind}: slot {slot} has no primary")
        until_s = time.monotonic() + event.lasts_s
        if kind in REFUSALS:
            refusal = Refusal(kind, victim.client, until_s)
            self._step = lambda: refusal.step(time.monotonic(), self._record)
            return
        self.reachable = False
        self._until_s, self._deadline_s = until_s, until_s + SETTLED_TIMEOUT_S
        if kind == "handover":
            heir = self._replica_of(victim)
            heir.client.execute_command("CLUSTER FAILOVER")
            self._step = lambda: self._settle(kind, slot, victim, lambda: None)
        elif kind == "broker-pause":
            os.kill(victim.process.pid, signal.SIGSTOP)
            self._step = lambda: self._settle("pause", slot, victim, lambda: _wake(victim))
        else:
            victim.kill()
            self._step = lambda: self._settle("kill", slot, victim, victim.start)

    def tend(self) -> None:
        """Go on with the outage; end it when it is time."""
        if self._step is not None and self._step():
            self._step = None
            self.reachable = True

    def take_postponed(self) -> Event | None:
        """None: here an outage always comes to be."""
        return None

    def _settle(self, kind: str, slot: int, victim: Node, come_back: Callable[[], object]) -> bool:
        """Once another has the slot, the victim comes back; then the cluster must become whole."""
        now_s = time.monotonic()
        if now_s > self._deadline_s:
            raise BrokerError(f"chaos: {kind}: the cluster is not whole after {SETTLED_TIMEOUT_S:.0f} s")
        if now_s < self._until_s or self._cluster.primary_of(slot, without=victim) is None:
            return False
        come_back()
        self._record.broker[kind] += 1
        self._step = lambda: self._whole(kind)
        return False

    def _whole(self, kind: str) -> bool:
        if time.monotonic() > self._deadline_s:
            raise BrokerError(f"chaos: {kind}: the cluster is not whole after {SETTLED_TIMEOUT_S:.0f} s")
        return self._cluster.well

    def _replica_of(self, primary: Node) -> Node:
        for node in self._cluster.nodes:
            with suppress(*LOST):
                facts = node.client.info("replication")
                if facts["role"] == "slave" and int(facts["master_port"]) == primary.port:
                    return node
        raise BrokerError(f"chaos: the node at {primary.port} has no replica")


def _wake(victim: Node) -> None:
    """It believes to be what it was, until the others tell it."""
    os.kill(victim.process.pid, signal.SIGCONT)

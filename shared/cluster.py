"""A client of a Redis or Valkey Cluster: one client a primary, and one pipeline a node for what belongs together.

It is a ``redis.Redis`` to its callers. Like a single server's client it repeats nothing behind their back: a command
that was moved is sent again once, as it was not carried out; everything else is an error, and callers look where
things stand.
"""

import bisect
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import redis
from redis.crc import key_slot

from shared.errors import BrokerError

Place = tuple[str, int]
Command = tuple[tuple[Any, ...], dict[str, Any]]
T = TypeVar("T")

POLL_S, POLL_MAX_S = 0.002, 0.01
"""Between two looks at the nodes while a read waits, the first one and the longest: no node can wait for the others."""
_MOVED = (redis.exceptions.MovedError, redis.exceptions.ClusterDownError)
_EVERYWHERE = frozenset({"SCRIPT LOAD", "FLUSHALL", "PING"})
_KEYLESS = frozenset({"INFO", "TIME", "CONFIG GET", "CONFIG SET", "ACL LOG", "ACL WHOAMI", "ACL LIST", "CLUSTER INFO"})


def first_key(args: Sequence[Any]) -> Any:
    """The key that decides where a command goes; None for one without."""
    name = str(args[0]).upper()
    if name in _EVERYWHERE or name in _KEYLESS:
        return None
    if name in {"EVALSHA", "EVAL"}:
        return args[3] if int(args[2]) else None
    if name == "XREAD":
        return args[[str(arg).upper() for arg in args[:8]].index("STREAMS") + 1]
    return args[1]


class Cluster(redis.Redis):
    """Client of all primaries.

    Parameters
    ----------
    seeds
        Nodes to ask for the others; any that lives will do.
    open_node
        Makes a client of one node.
    """

    def __init__(self, seeds: Sequence[Place], open_node: Callable[[str, int], redis.Redis]) -> None:
        self._seeds, self._open = list(seeds), open_node
        self._nodes: dict[Place, redis.Redis] = {}
        # Last slot of each range, ascending, and whose it is; replaced as a whole, as threads share a client.
        self._map: tuple[list[int], list[Place]] = ([], [])
        first = open_node(*self._seeds[0])
        super().__init__(connection_pool=first.connection_pool)
        self.response_callbacks = first.response_callbacks

    def alone(self) -> "Cluster":
        """Another client, of one connection a node: a lost one is noticed."""
        other = Cluster(self._seeds, self._open)  # opens no connection: the first seed may be away
        other._open = lambda host, port: single(self._node((host, port)))
        return other

    @property
    def primaries(self) -> list[redis.Redis]:
        """A client of each primary, in the order of their slots."""
        return [self._node(place) for place in dict.fromkeys(self._slots()[1])]

    def node_for(self, *args: Any) -> redis.Redis:
        """The client of the node that a command goes to."""
        ends, owners = self._slots()
        key = first_key(args)
        if key is None:
            return self._node(owners[0])
        return self._node(owners[bisect.bisect_left(ends, _slot(key))])

    def _node(self, place: Place) -> redis.Redis:
        if place not in self._nodes:
            try:
                self._nodes[place] = self._open(*place)
            except (redis.exceptions.RedisError, OSError):
                self.forget()  # it may have lost its slots to another
                raise
        return self._nodes[place]

    def _slots(self) -> tuple[list[int], list[Place]]:
        """Who has which slots; asked where that is not known."""
        if self._map[1]:
            return self._map
        error: Exception = BrokerError("cluster: no node to ask")
        for place in dict.fromkeys([*self._seeds, *self._nodes]):
            try:
                ranges: Any = self._node(place).execute_command("CLUSTER SLOTS")
                found = sorted((int(high), _place(primary, place[0])) for _, high, primary, *_ in ranges)
            except (redis.exceptions.RedisError, OSError) as caught:
                error = caught
                continue
            if found and found[-1][0] == 16_383:
                self._map = ([end for end, _ in found], [owner for _, owner in found])
                return self._map
            error = redis.exceptions.ClusterDownError("some slots have no owner")
        raise error

    def forget(self) -> None:
        """Ask again who has which slots, at the next call: something went wrong."""
        self._map = ([], [])

    def on_node(self, node: redis.Redis, act: Callable[[redis.Redis], T]) -> T:
        """Do something on one node; whatever goes wrong, the owners are asked for anew."""
        try:
            return act(node)
        except (*_MOVED, redis.exceptions.ConnectionError, redis.exceptions.TimeoutError, OSError):
            self.forget()
            raise

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Run a command where its key is; one without a key on the first primary, or on each (``SCRIPT LOAD``)."""
        name = str(args[0]).upper()
        if name in _EVERYWHERE:
            replies = [
                self.on_node(node, lambda node: node.execute_command(*args, **options)) for node in self.primaries
            ]
            return replies[0]
        if name == "XREAD":
            return self._read(args)
        try:
            return self.on_node(self.node_for(*args), lambda node: node.execute_command(*args, **options))
        except redis.exceptions.MovedError:
            return self.on_node(self.node_for(*args), lambda node: node.execute_command(*args, **options))

    def _read(self, args: tuple[Any, ...]) -> Any:
        """XREAD over the streams of all nodes: without BLOCK on each, again and again until something comes."""
        words = [str(arg).upper() if isinstance(arg, str) else "" for arg in args[:8]]
        streams = list(args[words.index("STREAMS") + 1 :])
        block_ms = int(args[words.index("BLOCK") + 1]) if "BLOCK" in words else 0
        count = ["COUNT", args[words.index("COUNT") + 1]] if "COUNT" in words else []
        half = len(streams) // 2
        by_slot: dict[int, list[tuple[Any, Any]]] = {}  # one command reads one slot, one pipeline a node
        for key, after in zip(streams[:half], streams[half:], strict=True):
            by_slot.setdefault(_slot(key), []).append((key, after))
        deadline_s, pause_s = time.monotonic() + block_ms / 1_000, POLL_S
        while True:
            pipeline = self.pipeline(transaction=False)
            for pairs in by_slot.values():
                keys, afters = zip(*pairs, strict=True)
                pipeline.execute_command("XREAD", *count, "STREAMS", *keys, *afters)
            found = [stream for reply in pipeline.execute() for stream in reply or []]
            if found or time.monotonic() >= deadline_s:
                return found
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, POLL_MAX_S)

    def scan_iter(self, *args: Any, **options: Any) -> Iterator[Any]:
        """Keys of all primaries."""
        for node in self.primaries:
            yield from self.on_node(node, lambda node: list(node.scan_iter(*args, **options)))

    def transaction(self, func: Any, *watches: Any, **options: Any) -> Any:
        """As of a single server; the keys must be of one slot."""
        return self.on_node(self.node_for("GET", watches[0]), lambda node: node.transaction(func, *watches, **options))

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Any:  # noqa: ARG002 - redis-py's
        """Collect commands; with ``transaction`` their keys must be of one node."""
        return ClusterPipeline(self, transaction=transaction)

    def close(self) -> None:
        """Close the clients of all nodes."""
        for node in self._nodes.values():
            node.close()
        super().close()


class ClusterPipeline(redis.Redis):
    """Commands on their way to several nodes: sent to all of them, then the replies are read."""

    def __init__(self, cluster: Cluster, *, transaction: bool) -> None:
        self._cluster, self._transaction = cluster, transaction
        self._commands: list[Command] = []
        self._wait: Command | None = None
        self.response_callbacks = cluster.response_callbacks

    def __del__(self) -> None:
        """Nothing to close: connections are the nodes'."""

    def __len__(self) -> int:
        return len(self._commands)

    def execute_command(self, *args: Any, **options: Any) -> "ClusterPipeline":
        """Take a command along. WAIT goes to every node that the others go to; its reply is the smallest of theirs."""
        if args[0] == "WAIT":
            self._wait = (args, options)
        else:
            self._commands.append((args, options))
        return self

    def execute(self, raise_on_error: bool = True) -> list[Any]:
        """Send everything, and return the replies in the order of the commands, WAIT's last."""
        commands, self._commands = self._commands, []
        if not commands:
            return []
        if self._transaction:
            return self._execute_at_once(commands, raise_on_error)
        replies, waits = self._send(commands)
        moved = [at for at, reply in enumerate(replies) if isinstance(reply, redis.exceptions.MovedError)]
        if moved:  # refused, so not carried out
            self._cluster.forget()
            again, waits_again = self._send([commands[at] for at in moved])
            waits += waits_again
            for at, reply in zip(moved, again, strict=True):
                replies[at] = reply
        if self._wait is not None:
            replies.append(next((one for one in waits if isinstance(one, Exception)), None) or min(waits))
        if raise_on_error:
            for reply in replies:
                if isinstance(reply, Exception):
                    raise reply
        return replies

    def _execute_at_once(self, commands: list[Command], raise_on_error: bool) -> list[Any]:
        (node,) = {id(node): node for args, _ in commands for node in [self._cluster.node_for(*args)]}.values()
        pipeline = node.pipeline(transaction=True)
        for args, options in commands:
            pipeline.execute_command(*args, **options)
        return self._cluster.on_node(node, lambda _: list(pipeline.execute(raise_on_error)))

    def _send(self, commands: list[Command]) -> tuple[list[Any], list[Any]]:
        """Replies of the commands, and of each node's WAIT. All is sent before any reply is read."""
        shares: dict[int, tuple[redis.Redis, list[int]]] = {}
        for at, (args, _) in enumerate(commands):
            node = self._cluster.node_for(*args)
            shares.setdefault(id(node), (node, []))[1].append(at)
        replies: list[Any] = [None] * len(commands)
        waits: list[Any] = []
        connections = []
        try:
            for node, places in shares.values():
                connection = node.connection or node.connection_pool.get_connection()
                connections.append((node, connection, places))
                packed = [commands[at][0] for at in places] + ([self._wait[0]] if self._wait else [])
                connection.send_packed_command(connection.pack_commands(packed))
            for node, connection, places in connections:
                for at in places:
                    replies[at] = _reply(node, connection, *commands[at])
                if self._wait:
                    waits.append(_reply(node, connection, *self._wait))
        except BaseException:
            self._cluster.forget()
            for _, connection, _ in connections:
                connection.disconnect()  # replies that nobody read may be on their way
            raise
        finally:
            for node, connection, _ in connections:
                if node.connection is None:
                    node.connection_pool.release(connection)
        return replies, waits


def _reply(node: redis.Redis, connection: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    try:
        return node.parse_response(connection, args[0], **options)
    except redis.exceptions.ResponseError as error:
        return error


def single(client: redis.Redis) -> redis.Redis:
    """A client of one connection: a pool replaces a lost one without a word, and it must be noticed."""
    one = redis.Redis(connection_pool=client.connection_pool, single_connection_client=True)
    one.response_callbacks = client.response_callbacks
    return one


def _slot(key: Any) -> int:
    return key_slot(key if isinstance(key, bytes) else str(key).encode())


def _place(node: Sequence[Any], asked: str) -> Place:
    """Where a node is; one that does not know its own address is the one that was asked."""
    host = node[0].decode() if isinstance(node[0], bytes) else node[0]
    return host or asked, int(node[1])

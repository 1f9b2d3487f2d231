"""Every door is known: found in the code, on loopback by default, shut to who has no key, a wrong or an expired one.

A door is a place that listens. One that is added must be written into ``DOORS`` with the test that shows it shut.
"""

import ast
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from shared.clock import SystemClock
from shared.doors import KeyRing, read_keys
from shared.errors import InputError, SettingError
from shared.monitor import Monitor, MonitorDoor
from shared.readiness import Readiness
from shared.settings.groups import Settings
from shared.settings.loading import leaves, load_settings

ROOT = Path(__file__).parents[2]
TOOLS = {"benchmarks", "mql5"}  # run by developers: benches, and the terminal that tests emulate
PACKAGES = [path.parent.name for path in ROOT.glob("*/__init__.py") if path.parent.name not in TOOLS]
LISTENS = {
    "bind",
    "create_server",
    "start_server",
    "start_unix_server",
    "listen",
    "serve_forever",
    "bind_to_random_port",
}
SERVERS = re.compile(r"(HTTPServer|TCPServer|UDPServer)$")

# Where something listens -> the tests that prove it shut to who has no credentials, wrong ones, and expired ones.
MONITOR = "tests/security/test_doors.py::test_metrics_are_told_to_who_has_a_key_that_is_in_force"
BRIDGE, GATEWAY = "tests/bridge/test_access.py", "tests/gateway/test_door.py"
SOCKET = "tests/security/test_doors.py::test_an_embedded_broker_has_no_port"
NODES = "tests/cluster/test_cluster.py::test_who_has_no_password_or_does_not_know_the_authority_comes_nowhere"
USERS = "tests/shared/test_acl.py::test_who_gives_no_password_or_a_wrong_one_is_refused"
REPLACED = "tests/shared/test_acl.py::test_a_password_that_was_replaced_opens_nothing"
DOORS = {
    "shared/monitor.py": {"none": MONITOR, "wrong": MONITOR, "expired": MONITOR},
    "bridge/listener.py": {
        "none": f"{BRIDGE}::test_nobody_without_credentials_is_heard_or_hears",
        "wrong": f"{BRIDGE}::test_nobody_without_credentials_is_heard_or_hears",
        "expired": f"{BRIDGE}::test_who_was_sent_away_hears_nothing_however_it_comes_back",
        "unsigned": "tests/bridge/test_service.py::test_only_a_well_signed_hello_is_answered",
    },
    "gateway/service.py": dict.fromkeys(
        ("none", "wrong", "expired"), f"{GATEWAY}::test_without_a_key_that_is_in_force_nothing_is_answered"
    ),
    # Users of a broker that has a port; an embedded one has a socket that its owner alone may open.
    "shared/embedded_broker.py": {"none": SOCKET, "wrong": USERS, "expired": REPLACED},
    "shared/local_cluster.py": {"none": NODES, "wrong": NODES, "expired": REPLACED},
}
# Where a socket is bound, and nobody is let in.
NO_DOORS = {
    "natron/addresses.py": "tries whether the gateway's port is free",
    "shared/addresses.py": "asks the kernel for a free port, and listens on none",
    "bridge/doorkeeper.py": "answers ZeroMQ within its own process",
    "gateway/testing.py": "tests' own gateway on loopback",
}


def listening(tree: ast.AST) -> bool:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            owner = ast.unparse(node.func.value) if isinstance(node.func, ast.Attribute) else ""
            if "_log" in owner:  # a bound logger
                continue
            if name in LISTENS or SERVERS.search(name) or owner + "." + name in {"uvicorn.run", "uvicorn.Config"}:
                return True
        if isinstance(node, ast.Constant) and node.value in {"--unixsocket", "--tls-port"}:
            return True
    return False


def test_every_place_that_listens_is_known_and_has_its_proof() -> None:
    found = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if listening(ast.parse(path.read_text()))
    }
    assert found == {file for file in (*DOORS, *NO_DOORS) if (ROOT / file).exists()}
    for proofs in DOORS.values():
        assert {"none", "wrong", "expired"} <= proofs.keys()
        for proof in proofs.values():
            file, _, name = proof.partition("::")
            assert f"def {name}(" in (ROOT / file).read_text(), proof


def test_every_address_is_loopback_by_default() -> None:
    settings = Settings()
    for path in leaves():
        value = settings
        for name in path:
            value = getattr(value, name)
        if path[-1] in {"host", "monitor_host"} or (path[-1].endswith("_bind") and value):  # an empty one binds nothing
            assert "127.0.0.1" in str(value), path


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "example.org"])
def test_a_monitor_beyond_this_machine_needs_a_key(host: str, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"system\.monitor_key_file"):
        MonitorDoor.of(load_settings(None, {}, {"system.monitor_host": host}).system)
    (tmp_path / "key").write_text("0123456789abcdef\n")
    flags = {"system.monitor_host": host, "system.monitor_key_file": str(tmp_path / "key")}
    assert MonitorDoor.of(load_settings(None, {}, flags).system).keys.locked


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.2"])
def test_a_gateway_beyond_this_machine_needs_a_key(host: str) -> None:
    from gateway.service import build

    with pytest.raises(InputError, match=r"gateway\.key_file"):
        build(load_settings(None, {}, {"gateway.host": host}), SystemClock())


CURRENT, OLD = "current-key-0123456789", "expired-key-0123456789"


@pytest.fixture(scope="module")
def monitor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Monitor]:
    file = tmp_path_factory.mktemp("keys") / "monitor"
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    file.write_text(f"{CURRENT} until={tomorrow:%Y-%m-%dT%H:%M}\n{OLD} until=2020-01-31\n")
    readiness = Readiness("broker")
    readiness.unmet("broker", "at redis://10.0.0.1")
    door = MonitorDoor(keys=read_keys("system.monitor_key_file", str(file)))
    one = Monitor(CollectorRegistry(), readiness, 0, door)
    yield one
    one.close()


def ask(monitor: Monitor, path: str, key: str | None) -> tuple[int, str]:
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    request = urllib.request.Request(f"http://127.0.0.1:{monitor.port}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


@pytest.mark.parametrize("key", [None, "", "wrong", CURRENT[:-1], CURRENT + "x", OLD])
def test_metrics_are_told_to_who_has_a_key_that_is_in_force(monitor: Monitor, key: str | None) -> None:
    assert ask(monitor, "/metrics", key)[0] == 401
    assert ask(monitor, "/metrics", CURRENT)[0] == 200


def test_a_probe_without_a_key_learns_yes_or_no_and_nothing_else(monitor: Monitor) -> None:
    assert ask(monitor, "/healthz", None)[0] == 200
    assert ask(monitor, "/readyz", None) == (503, '{"ready": false}\n')
    assert "10.0.0.1" in ask(monitor, "/readyz", CURRENT)[1]


def test_an_embedded_broker_has_no_port(broker: "object") -> None:
    info: dict[str, object] = broker.client.config_get("port")  # type: ignore[attr-defined]
    socket: dict[str, str] = broker.client.config_get("unixsocket")  # type: ignore[attr-defined]
    assert info["port"] == "0"
    assert Path(socket["unixsocket"]).parent.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "text", ["", "short", "0123456789abcdef until=never", "0123456789abcdef a b", "0123456789abcdef 2027-01-01"]
)
def test_a_file_that_holds_no_good_key_is_refused_and_not_shown(tmp_path: Path, text: str) -> None:
    (tmp_path / "keys").write_text(text)
    with pytest.raises(InputError) as caught:
        read_keys("x.key_file", str(tmp_path / "keys"))
    assert "0123456789abcdef" not in str(caught.value)


def test_a_ring_without_keys_lets_everybody_in_and_says_so() -> None:
    assert (KeyRing().locked, KeyRing().opens(b"", 0)) == (False, True)

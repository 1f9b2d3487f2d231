"""A secret stands in its file and in memory: not in logs, metrics, errors, printed settings nor command lines."""

import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bridge.keys import Keys
from natron.cli import app
from shared.addresses import free_port
from shared.broker import LOST, connect
from shared.broker_url import with_password, without_password
from shared.errors import InputError
from shared.settings.document import settings_document
from shared.settings.loading import load_settings
from shared.testing import GuardedBroker, await_true, guarded_broker

SECRET = "s3cret-word-that-nobody-may-see"
URL = f"redis://worker:{SECRET}@127.0.0.1:1"


@pytest.mark.parametrize(
    ("environ", "flags"),
    [
        ({"NATRON_SYSTEM_BROKER_URL": f"redis://worker:{SECRET}@host:port"}, {}),
        ({"NATRON_SYSTEM_BROKER_URL": f"http://worker:{SECRET}@host"}, {}),
        ({"NATRON_SYSTEM_BROKER_URL": f"redis+cluster://worker:{SECRET}@[broken"}, {}),
        ({"NATRON_SYSTEM_BROKER_PASWORD": SECRET}, {}),
        ({}, {"system.broker_pasword": SECRET}),
        ({}, {"system.broker_adress": URL}),
    ],
)
def test_a_setting_that_is_refused_does_not_show_its_secret(environ: dict[str, str], flags: dict[str, str]) -> None:
    with pytest.raises(InputError) as caught:
        load_settings(None, environ, flags)
    assert SECRET not in str(caught.value)


def test_settings_that_are_printed_hide_the_password() -> None:
    text = settings_document(load_settings(None, {}, {"system.broker_url": URL}))
    assert SECRET not in text
    assert "redis://worker:***@127.0.0.1:1" in text


@pytest.mark.parametrize("url", [URL, f"rediss+cluster://u:{SECRET}@a:1,b:2/?x=1", f"redis://:{SECRET}@h"])
def test_what_is_shown_of_a_url_is_everything_else(url: str) -> None:
    assert without_password(url) == url.replace(SECRET, "***")
    assert with_password(without_password(url), SECRET) == url


def test_errors_of_a_connection_and_reprs_do_not_show_the_password() -> None:
    client = connect(URL)
    with pytest.raises(LOST) as caught:
        client.ping()
    assert SECRET not in f"{caught.value!r} {client!r}"
    assert "11" * 32 not in repr(Keys(bytes([0x11]) * 32, bytes([0x11]) * 32))


def test_a_doctor_who_is_refused_does_not_tell_the_password(tmp_path: Path) -> None:
    with guarded_broker(tmp_path / "secrets") as guarded:
        url = f"redis://worker:{SECRET}@127.0.0.1:{guarded.port}"
        said = CliRunner().invoke(app, ["doctor", "--json"], env={"NATRON_SYSTEM_BROKER_URL": url})
        assert (said.exit_code, SECRET in said.output) == (1, False)
        _a_service_says_nothing(guarded, tmp_path)


def _a_service_says_nothing(guarded: GuardedBroker, folder: Path) -> None:
    """Its log at DEBUG, its metrics and its command line, with its broker there and gone."""
    password = (guarded.secrets / "feature_service").read_text().strip()
    port, log = free_port(), folder / "log"
    environ = {
        "NATRON_SYSTEM_BROKER_URL": f"redis://feature_service@127.0.0.1:{guarded.port}",
        "NATRON_SYSTEM_BROKER_PASSWORD_FILE": str(guarded.secrets / "feature_service"),
        "NATRON_SYSTEM_LOG_LEVEL": "DEBUG",
        "NATRON_FEATURE_SERVICE_METRICS_PORT": str(port),
    }
    command = [sys.executable, "-m", "natron", "feature-service"]
    with log.open("w") as output:
        service = subprocess.Popen(command, env={**os.environ, **environ}, stderr=output)
        try:
            await_true(lambda: "partitions_assigned" in log.read_text(), "a service at work")
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as reply:
                metrics = reply.read().decode()
            line = Path("/proc", str(service.pid), "cmdline").read_text()
        finally:
            service.terminate()
            service.wait(30)
    for where in (log.read_text(), metrics, line):
        assert password not in where

"""The services, each as one process."""

from importlib.util import find_spec

import typer

from natron.commands.options import Assignments, Broker, Config
from natron.environment import find_system, read_settings
from natron.run_file import read_run_file
from shared.errors import InputError
from shared.settings.groups import Settings


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("feature-service")(feature_service)
    app.command("worker")(worker)
    app.command("gateway")(gateway)
    app.command("score")(score)
    app.command("archive")(archive)
    app.command("alerts")(alerts)


def feature_service(config: Config = None, assignments: Assignments = None, broker: Broker = None) -> None:
    """Compute feature rows from admitted candles until stopped."""
    from feature_service.service import run

    run(_settings(config, assignments, broker))


def worker(
    config: Config = None,
    assignments: Assignments = None,
    broker: Broker = None,
    bundle: str | None = typer.Option(
        None, "--bundle", help="folder of the bundle; default: the champion, else the reference bundle"
    ),
    runtime: str | None = typer.Option(None, "--runtime", help="auto, cpu, cuda ...: natron.yaml names them"),
    shadow: str | None = typer.Option(None, "--shadow", help="ID of a pushed bundle: predict as a challenger"),
) -> None:
    """Predict from feature rows until stopped; start more to share the load."""
    from inference_worker.service import run

    run(
        _settings(
            config, assignments, broker, inference__bundle=bundle, worker__shadow=shadow, inference__runtime=runtime
        )
    )


def score(config: Config = None, assignments: Assignments = None, broker: Broker = None) -> None:
    """Score predictions as their outcomes become known, champion's and challengers', until stopped."""
    need_packages("natron score", "archive", "sklearn", "river")
    from archive.scoring.service import run

    run(_settings(config, assignments, broker))


def alerts(config: Config = None, assignments: Assignments = None, broker: Broker = None) -> None:
    """Tell a webhook, mail or a chat what needs somebody, each once, until stopped."""
    need_packages("natron alerts", "archive", "apprise")
    from archive.alerts.service import run

    run(_settings(config, assignments, broker))


def archive(
    config: Config = None,
    assignments: Assignments = None,
    broker: Broker = None,
    folder: str | None = typer.Option(None, "--folder", help="of the archive; default: natron-archive here"),
) -> None:
    """Keep candles, predictions and outcomes in Parquet files until stopped."""
    need_packages("natron archive", "archive", "pyarrow", "sklearn", "river")
    from archive.storage.service import run

    run(_settings(config, assignments, broker, archive__folder=folder))


def gateway(
    config: Config = None,
    assignments: Assignments = None,
    broker: Broker = None,
    host: str | None = typer.Option(None, "--host", help="address to listen on; default 127.0.0.1"),
    port: int | None = typer.Option(None, "--port", help="default 5000"),
    bundle: str | None = typer.Option(
        None, "--bundle", help="folder of the bundle; default: the champion, else the reference bundle"
    ),
) -> None:
    """Serve the dashboard and the HTTP API until stopped; predicts from candles without a broker, too."""
    need_packages("natron gateway", "web", "fastapi")
    from gateway.service import run

    flags = {"gateway__host": host, "gateway__port": port, "inference__bundle": bundle, "system__broker_url": broker}
    settings = read_settings(config, assignments, **flags)
    run(find_system(settings) if settings.system.broker_url or read_run_file() else settings)


def need_packages(command: str, extra: str, *packages: str) -> None:
    """Refuse a command whose extra is not installed; InputError."""
    for name in packages:
        if find_spec(name) is None:
            raise InputError(command, name, "is not installed", f"run make dev, or pip install 'natron[{extra}]'")


def _settings(config: Config, assignments: Assignments, broker: Broker, **flags: str | None) -> Settings:
    return find_system(read_settings(config, assignments, system__broker_url=broker, **flags))

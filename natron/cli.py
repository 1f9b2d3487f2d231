"""``natron SUBCOMMAND``: the table of contents of the system. Each command imports what it runs when it runs."""

import sys

import typer

from natron.commands import (
    backtest,
    backups,
    bench,
    bridge,
    bundles,
    candles,
    chaos,
    credentials,
    dead,
    doctor,
    drift,
    evaluation,
    features,
    halts,
    labels,
    levels,
    mql5,
    parity,
    predictions,
    producer,
    registry,
    reproduce,
    retrain,
    series,
    services,
    signals,
    standing,
    systems,
    tester,
    trace,
    training,
)
from shared.broker import LOST
from shared.errors import InputError, NatronError

app = typer.Typer(
    name="natron",
    help="Live candles to trading signals: a streaming transformer, exactly once.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
systems.register(app)
services.register(app)
signals.register(app)
predictions.register(app)
halts.register(app)
standing.register(app)
doctor.register(app)
levels.register(app)
backups.register(app)
credentials.register(app)
chaos.register(app)
parity.register(app)
trace.register(app)
training.register(app)
evaluation.register(app)
backtest.register(app)
tester.register(app)
bench.register(app)
drift.register(app)
reproduce.register(app)
retrain.register(app)
app.add_typer(bridge.app, name="bridge")
app.add_typer(producer.app, name="producer")
app.add_typer(candles.app, name="candles")
app.add_typer(features.app, name="features")
app.add_typer(labels.app, name="labels")
app.add_typer(mql5.app, name="mql5")
app.add_typer(series.app, name="series")
app.add_typer(dead.app, name="dead")
registry.register(bundles.app)
app.add_typer(bundles.app, name="bundle")


def run() -> None:
    """Run one command; a NatronError is one line on stderr, never a stack trace."""
    try:
        app()
    except InputError as error:
        sys.exit(_say(str(error), 2))
    except (NatronError, *LOST) as error:
        sys.exit(_say(str(error), 1))
    except BrokenPipeError:
        sys.exit(0)  # `natron ... | head` has seen enough


def _say(message: str, status: int) -> int:
    print(f"natron: {message}", file=sys.stderr)
    return status

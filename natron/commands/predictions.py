"""The predictions log, as it is."""

import json
import os
from datetime import UTC, datetime
from typing import Any

import typer

from natron.commands.options import Assignments, Broker, Config, Json
from natron.environment import find_system, read_settings

HOLD_RENEWAL_S = 1.0


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("predictions")(predictions)


def predictions(
    follow: bool = typer.Option(False, "--follow", help="go on with what comes, until stopped"),
    hold: bool = typer.Option(False, "--hold", help="keep predictions from being trimmed before they are printed"),
    count: int | None = typer.Option(None, "--count", help="stop after so many"),
    as_json: Json = False,
    config: Config = None,
    assignments: Assignments = None,
    broker: Broker = None,
) -> None:
    """Print the predictions log of all series: what is kept, then what comes."""
    from shared.broker import LOST, connect
    from shared.clock import SystemClock
    from shared.delivery import DeliveryReasons
    from shared.names import Names
    from shared.prediction_document import prediction_document
    from shared.prediction_log import PredictionLog

    settings = find_system(read_settings(config, assignments, system__broker_url=broker))
    clock, name = SystemClock(), f"cli-{os.getpid()}"
    client, names = connect(settings.system.broker_url), Names(settings.system.namespace)
    reasons = DeliveryReasons(names, clock)
    log = PredictionLog(client, names, from_start=True)
    printed, held_s = 0, float("-inf")
    newest: dict[str, int] = {}  # a broker that lost its last second publishes some candles again, under new IDs
    while count is None or printed < count:
        try:
            if hold and clock.monotonic_s() - held_s >= HOLD_RENEWAL_S:
                log.hold(name)
                held_s = clock.monotonic_s()
            reasons.refresh(client)
            published = log.read(block_ms=100 if follow else 0)
        except LOST:
            if not follow:
                raise
            clock.sleep(0.1)
            continue
        for item in published:
            prediction = item.prediction
            if prediction is None or prediction.t <= newest.get(prediction.series.key, 0):
                continue
            newest[prediction.series.key] = prediction.t
            if count is None or printed < count:
                document = prediction_document(prediction, delivery=reasons.standing(prediction, clock.now_ms()))
                print(json.dumps(document) if as_json else line_of(document), flush=follow)
                printed += 1
        if not published and not follow:
            break
    if hold:
        log.release(name)


def line_of(document: dict[str, Any]) -> str:
    """One prediction on one line, for people; times are UTC."""
    opened = datetime.fromtimestamp(document["time"] / 1_000, UTC)
    return (
        f"{document['symbol']} {document['timeframe']} {opened:%Y-%m-%d %H:%M}  n {document['n']}  "
        f"buy setup {document['buy_prob']:.3f}  "
        f"sell setup {document['sell_prob']:.3f}  {document['direction_pred']}  {document['regime']}  "
        f"{' '.join(document['reasons'])}"
    )

"""A dead letter's entry, run through its stage once more; nothing is written."""

from typing import Any

import redis

from feature_service.stage import FeatureStage
from inference_worker.bundle import Bundle
from inference_worker.champion import Opener
from inference_worker.registry import Registry
from inference_worker.service import bundle_folder
from inference_worker.session import Session
from inference_worker.stage import PredictionStage
from shared.clock import SystemClock
from shared.codec import decode_prediction
from shared.dead_letters import DeadLetter
from shared.errors import JunkError
from shared.metrics import Metrics
from shared.names import Names
from shared.series_stream import newest_t
from shared.settings.groups import Settings
from shared.stage import Dead, Entry, Output, Stage

_TOKENS_MAX = 1_024


def try_again(client: redis.Redis, names: Names, settings: Settings, letter: DeadLetter) -> str:
    """Run the entry again as its stage would, on the candles and rows that the broker holds now; say what happens.

    A sentence of what it would become, or of what it fails on. A row is answered by the champion on the processor.
    """
    if letter.fields is None:
        return "cannot be run again: what it held is cut off"
    entry = Entry(letter.partition, letter.origin_id, letter.fields)
    p, clock, metrics = letter.partition, SystemClock(), Metrics("dead_letters")
    if letter.origin == names.candles(p):
        return _through(client, FeatureStage(client, names, clock, settings, metrics), entry)
    if letter.origin.startswith(names.features(p, "")):
        opener = Opener(lambda: Bundle.load(bundle_folder(settings)), lambda bundle: Session(bundle, 1, _TOKENS_MAX))
        session, promotion, _ = opener.open_newest(Registry(client, names))
        stage = PredictionStage(client, names, clock, settings, metrics, session, promotion.number)
        return _through(client, stage, entry)
    if letter.origin == names.predictions(p):
        try:
            return f"decodes: the prediction {decode_prediction(entry.fields.get(b'm', b'')).id}"
        except JunkError as error:
            return f"fails: {error}"
    return f"cannot be run again: {letter.origin} is no log"


def _through(client: redis.Redis, stage: Stage[Any], entry: Entry) -> str:
    try:
        (result,) = stage.process([stage.decode(entry)])
    except Exception as error:  # noqa: BLE001 - whatever it is, this is the answer
        return f"fails: {type(error).__name__}: {error}"
    if isinstance(result, Dead):
        return f"fails: {result.reason}: {result.detail}"
    if not isinstance(result, Output):
        return "becomes nothing, as it should"
    newest = newest_t(client, stage.side(result.series), lambda _: None, entry.partition)
    if result.kept.t <= newest:
        return f"succeeds, and would be buried as a repeat: {result.series.key} has gone on to {newest}"
    return f"succeeds: n {result.kept.n} of {result.series.key}, candle {result.kept.t}"

"""Short forms of what `--placebo` runs: nothing is found where nothing is, and what is there is found."""

from collections.abc import Callable

import pytest

from shared.contracts import Candles
from shared.settings.loading import load_settings
from trainer.evaluation import placebos
from trainer.evaluation.placebos import (
    Placebo,
    gaussian_walks,
    history_of,
    mirrored_walks,
    perturbed_future,
    planted_signal,
    states,
)
from trainer.evaluation.walks import gaussian_walk

pytestmark = pytest.mark.slow

MakeCandles = Callable[[int, int], Candles]
WIDE = 0.06  # three standard errors of two short walks; twenty long ones must be within 0.01


def _quiet(_: str) -> None:
    """Progress is for people."""


def _near_chance(found: list[Placebo]) -> None:
    assert len(found) >= 6
    for one in found:
        assert abs(one.value - 0.5) < WIDE, one


def test_no_head_knows_the_future_of_walks_of_one_volatility() -> None:
    _near_chance(gaussian_walks(2, 5_000, 1, _quiet))


def test_no_head_knows_a_sign_of_a_mirrored_market(make_candles: MakeCandles) -> None:
    _near_chance(mirrored_walks([history_of(make_candles(5_000, 6))], 2, 5_000, 1, _quiet))


def test_a_planted_signal_is_found() -> None:
    found = planted_signal(5_000, 1)
    assert {one.figure.split(":")[0] for one in found} == {"logistic", "lightgbm"}
    assert all(one.passed for one in found), found


def test_a_leak_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The placebo itself can fail: rows that show the next candle are caught."""
    honest = placebos.prepare_lesson

    def leaking(*what: object) -> object:
        lesson = honest(*what)  # type: ignore[arg-type]
        for one in lesson.series:
            one.rows[:-3, 0] = (one.candles["c"][3:] / one.candles["c"][:-3] - 1).astype("float32")
        return lesson

    monkeypatch.setattr(placebos, "prepare_lesson", leaking)
    assert not all(one.passed for one in gaussian_walks(1, 5_000, 1, _quiet))


def test_candles_to_come_change_nothing(make_candles: MakeCandles) -> None:
    found = perturbed_future(history_of(make_candles(6_000, 8)), load_settings(None, {}, {}))
    assert [one.value for one in found] == [0, 0]


def test_the_present_state_is_learned() -> None:
    settings = load_settings(None, {}, {"training.threads": 1})
    found = {one.figure: one.value for one in states([history_of(gaussian_walk(20_000, 3))], settings, 120_000)}
    # Four epochs of one short series and its mirror; the whole form must reach 0.95. The majorities are 0.76 and 0.4.
    assert found["buy: accuracy"] > 0.82
    assert found["sell: accuracy"] > 0.82
    assert found["regime: accuracy"] > 0.70

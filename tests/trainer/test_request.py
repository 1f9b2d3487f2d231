"""A file of a run is named as on the command line."""

from pathlib import Path

import pytest

from shared.errors import TrainingError
from trainer.request import CsvSpec


def test_a_file_carries_its_options() -> None:
    assert CsvSpec.parse("a/b.csv") == CsvSpec(Path("a/b.csv"))
    assert CsvSpec.parse("b.csv,tz=broker-eu,symbol=EUR|USD,timeframe=H1") == CsvSpec(
        Path("b.csv"), "EUR|USD", "H1", "broker-eu"
    )


@pytest.mark.parametrize("option", ["zone=UTC", "symbol", "symbol=", ""])
def test_an_option_that_is_none_is_refused_by_name(option: str) -> None:
    with pytest.raises(TrainingError, match=r"must be one of symbol, timeframe, tz") as error:
        CsvSpec.parse(f"b.csv,{option}")
    assert error.value.value == option

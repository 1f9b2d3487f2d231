"""The catalogue for people: what ``docs/features.md`` says."""

from itertools import groupby

from feature_service.feature import Feature
from feature_service.feature_set import FEATURE_SET, FeatureSet

_INTRODUCTION = """# The {size} features

Generated from the catalogue by `natron features list --markdown`; a test holds the two together. Do not edit.

A row of features is a function of the newest {lookback} candles of its series and nothing else. Each value is
finite and within its range, whatever the candles; multiplying prices or volumes by a factor changes nothing.
*Lookback* counts the candles that a value is a function of, its own included. ATR14 is Wilder's average true
range of 14 candles. Recursive averages are cut where the weight that is left is below 1e-8 and made to sum
to 1. Where a formula divides nothing by nothing, the value is 0 unless it says otherwise. Before its first
candle a series is taken as flat at its first open, with volume 0.

`natron features explain NAME` prints one of them; `natron features compute` writes them all for a file;
`natron features check` looks for look-ahead, recursion and redundancy on a file of yours.
"""


def rows(features: FeatureSet = FEATURE_SET) -> list[dict[str, object]]:
    """Entries in model order: name, family, formula, inputs, unit, low, high, lookback, source."""
    return [
        {
            "name": feature.name,
            "family": feature.family,
            "formula": feature.formula,
            "inputs": list(feature.inputs),
            "unit": feature.unit,
            "low": feature.low,
            "high": feature.high,
            "lookback": feature.lookback,
            "source": feature.source,
        }
        for feature in features.features
    ]


def page(features: FeatureSet = FEATURE_SET) -> str:
    """Return the Markdown page, a table a family."""
    parts = [_INTRODUCTION.format(size=features.size, lookback=features.lookback)]
    for family, members in groupby(features.features, key=lambda feature: feature.family):
        parts.append(_family(family, list(members)))
    return "\n".join(parts)


def _family(family: str, members: list[Feature]) -> str:
    title = family.replace("_", " ").capitalize()
    lines = [f"## {title} ({len(members)})", "", "| name | formula | unit | range | lookback | reads | source |"]
    lines.append("|---|---|---|---|---|---|---|")
    for entry in members:
        cells = (
            f"`{entry.name}`",
            entry.formula,
            entry.unit,
            f"{entry.low:g} to {entry.high:g}",
            str(entry.lookback),
            ", ".join(entry.inputs),
            entry.source,
        )
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines) + "\n"

"""Zones that stamps name: ``2023-01-03 09:30:00 US/Eastern``, ``17:00 EST``."""

import re

from producer.exports.stamp_columns import StampColumn
from producer.zones import Zone, parse_zone
from shared.errors import FormatError, InputError

_ABBREVIATIONS = {
    ("EST",): "-05:00", ("EDT",): "-04:00", ("EDT", "EST"): "America/New_York", ("ET",): "America/New_York",
    ("CDT",): "-05:00", ("CDT", "CST"): "America/Chicago", ("CT",): "America/Chicago",
    ("PST",): "-08:00", ("PDT",): "-07:00", ("PDT", "PST"): "America/Los_Angeles", ("PT",): "America/Los_Angeles",
    ("CET",): "+01:00", ("CEST",): "+02:00", ("CEST", "CET"): "Europe/Berlin",
    ("EET",): "+02:00", ("EEST",): "+03:00", ("EEST", "EET"): "Europe/Athens",
    ("MSK",): "Europe/Moscow", ("JST",): "+09:00", ("HKT",): "+08:00", ("SGT",): "+08:00", ("AEST",): "+10:00",
}  # fmt: skip
"""Names that mean one thing the world over; CST, IST and BST do not."""


_IN_HEADER = {
    "EET": "Europe/Athens", "CET": "Europe/Berlin", "MSK": "Europe/Moscow", "JST": "+09:00", "HKT": "+08:00",
    "SGT": "+08:00", "ET": "America/New_York", "CT": "America/Chicago", "PT": "America/Los_Angeles",
}  # fmt: skip
"""What a zone means that stands in a header, over summers and winters."""

_DOUBTFUL = {"EST", "EDT", "CST", "CDT", "PST", "PDT", "IST", "BST", "CEST", "EEST", "AEST"}
"""In a header these may be one offset all year, or a clock that changes."""


def header_zone(names: list[str]) -> Zone | None:
    """Zone that stands in brackets in the name of a column of stamps: ``Time (EET)``, ``Date (UTC+3)``.

    Raises
    ------
    FormatError
        It may mean several.
    """
    for name in names:
        match = re.search(r"[(\[]\s*([A-Za-z_/]+|(?:UTC|GMT)?\s*[+-]\d{1,2}(?::\d\d)?)\s*[)\]]", name)
        text = match[1].replace(" ", "") if match else ""
        if text.upper() in _DOUBTFUL:
            raise FormatError(
                "time", name, "names a zone that may change in summer or not",
                "settle it with --tz, e.g. --tz America/New_York or --tz -05:00",
            )  # fmt: skip
        offset = re.fullmatch(r"(?:UTC|GMT)?([+-])(\d{1,2})(?::(\d\d))?", text, re.IGNORECASE)
        if offset:
            return parse_zone(f"{offset[1]}{offset[2]:0>2}:{offset[3] or '00'}")
        if text.upper() in _IN_HEADER or re.fullmatch(r"[A-Z][A-Za-z]+/[A-Z][A-Za-z_]+", text):
            return parse_zone(_IN_HEADER.get(text.upper(), text))
    return None


def named_zone(stamps: tuple[StampColumn, ...]) -> Zone | None:
    """Zone that all stamps name; None where they name none.

    Raises
    ------
    FormatError
        They name several, or one that means different things.
    """
    names = stamps[-1].form.zones or stamps[0].form.zones
    if not names:
        return None
    text = _ABBREVIATIONS.get(names, names[0] if len(names) == 1 and "/" in names[0] else "")
    try:
        return parse_zone(text)
    except InputError:
        raise FormatError(
            "time", names, "is a zone that is not known for certain", "settle it with --tz, e.g. --tz America/Chicago"
        ) from None

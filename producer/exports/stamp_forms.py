"""Which template a column of time stamps is written in: the shapes of its texts propose, their values decide."""

import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from producer.exports.fields import pack
from producer.exports.stamps import EPOCH, FILETIME, SERIAL, TICKS, Int64s, parse_stamps
from shared.errors import FormatError

_SHARE = 0.9
"""Least part of a sample that a form must read."""

_TRIED = 40
"""Texts of a column that are looked at before all are."""

_MANY = 100
"""Rows of two dates that are no months: then the one step between them tells the order."""

_DAY_MS = 86_400_000

_DATES: tuple[tuple[str, dict[str, str]], ...] = (
    (r"\d{4}(?P<s>\. |- |[-./ ])\d{1,2}(?P=s)\d{1,2}\.?", {"ymd": "%Y{s}%m{s}%d"}),
    (r"\d{1,2}(?P<s>\. |[-./ ])\d{1,2}(?P=s)\d{4}\.?", {"dmy": "%d{s}%m{s}%Y", "mdy": "%m{s}%d{s}%Y"}),
    (
        r"\d{1,2}(?P<s>\. |[-./])\d{1,2}(?P=s)\d{2}",
        {"dmy": "%d{s}%m{s}%y", "mdy": "%m{s}%d{s}%y", "ymd": "%y{s}%m{s}%d"},
    ),
    (r"\d{8}", {"ymd": "%Y%m%d", "dmy": "%d%m%Y", "mdy": "%m%d%Y"}),
    (r"\d{6}", {"ymd": "%y%m%d", "dmy": "%d%m%y", "mdy": "%m%d%y"}),
    (r"[A-Za-z]{3,9} \d{1,2} \d{4}", {"mdy": "%b %d %Y"}),
    (r"[A-Za-z]{3,9} \d{1,2}, \d{4}", {"mdy": "%b %d, %Y"}),
    (r"\d{1,2}(?P<s>\. |[-./ ])[A-Za-z]{3,9}(?P=s)\d{4}", {"dmy": "%d{s}%b{s}%Y"}),
    (r"\d{1,2}(?P<s>\. |[-./ ])[A-Za-z]{3,9}(?P=s)\d{2}", {"dmy": "%d{s}%b{s}%y"}),
    (r"\d{4}(?P<s>\. |[-./ ])[A-Za-z]{3,9}(?P=s)\d{1,2}", {"ymd": "%Y{s}%b{s}%d"}),
)
_TIMES: tuple[tuple[str, str], ...] = (
    (r"\d{1,2}:\d{2}", "%H:%M"),
    (r"\d{1,2}:\d{2}:\d{2}", "%H:%M:%S"),
    (r"\d{1,2}:\d{2}:\d{2}\.\d{1,9}", "%H:%M:%S.%f"),
    (r"\d{1,2}:\d{2}:\d{2},\d{1,9}", "%H:%M:%S,%f"),
    (r"\d{1,2}:\d{2}:\d{2}:\d{3}", "%H:%M:%S:%f"),
    (r"\d{1,2}:\d{2} [AaPp][Mm]", "%I:%M %p"),
    (r"\d{1,2}:\d{2}[AaPp][Mm]", "%I:%M%p"),
    (r"\d{1,2}:\d{2}:\d{2} [AaPp][Mm]", "%I:%M:%S %p"),
    (r"\d{1,2}:\d{2}:\d{2}[AaPp][Mm]", "%I:%M:%S%p"),
    (r"\d{1,2}-[AaPp][Mm]", "%I-%p"),
    (r"\d{1,2} [AaPp][Mm]", "%I %p"),
    (r"\d{1,2}\.\d{2}\.\d{2}", "%H.%M.%S"),
    (r"(?<=[ T,;_-])\d{1,2}\.\d{2}", "%H.%M"),  # without a sign before it, it would be part of an epoch
    (r"\d{4}", "%H%M"),
    (r"\d{6}", "%H%M%S"),
    (r"\d{9}", "%H%M%S%f"),
)
_WEEKDAY = r"(?P<a>(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*\.?,? )?"
_JOIN = r"(?P<j>, |T|[ ,_;-]+|)"
_OFFSET = r"(?P<z>\s?(?:Z|(?:UTC|GMT)(?:[+-]\d{1,2}(?::?\d{2})?)?|[+-]\d{2}(?::?\d{2})?))?"
_ZONE = r"(?P<n> ?\[?(?:[A-Z][A-Za-z]+(?:/[A-Z][A-Za-z_]+)+)\]?| (?!AM\b|PM\b|GMT|UTC)[A-Z]{2,5}| \([A-Za-z ]+\))?"
_PATTERNS = tuple(
    (re.compile(f"{_WEEKDAY}{date}(?:{_JOIN}{time})?{_OFFSET}{_ZONE}"), orders, template)
    for date, orders in _DATES
    for time, template in (*_TIMES, ("(?!)", ""))
)
_ZONE_NAME = re.compile(r"(?: ?\[?)((?<=[ \[dMSp])[A-Z][A-Za-z]+(?:/[A-Z][A-Za-z_]+)+|(?<= )[A-Z]{2,5})\]?$")
_TIMES_ALONE = tuple((re.compile(time), template) for time, template in (*_TIMES, (r"\d{1,2}\.\d{2}", "%H.%M")))
_EPOCH = re.compile(r"\d{9,19}(\.\d{1,9})?|\d\.\d{1,18}[eE]\+?\d{2,3}")


@dataclass(frozen=True)
class StampForm:
    """How one column spells time.

    ``kind`` is ``epoch``, ``datetime``, ``date`` or ``time``; ``order`` is that of the date (``ymd``, ``dmy``, ``mdy``)
    or empty; ``templates`` are tried in turn, the most common first.
    """

    kind: str
    order: str
    templates: tuple[str, ...]

    @property
    def carries_offset(self) -> bool:
        """Whether the stamps say their own offset from UTC."""
        return any(template in (EPOCH, TICKS, FILETIME) or "%z" in template for template in self.templates)

    @property
    def zones(self) -> tuple[str, ...]:
        """Names of zones that the stamps end in, such as ``US/Eastern`` or ``EST`` and ``EDT``."""
        found = (_ZONE_NAME.search(template) for template in self.templates)
        return tuple(sorted({match[1] for match in found if match}))


def propose(text: str) -> dict[str, str]:
    """Templates that the shape of one text allows, by order of the date ("" for an epoch)."""
    return _propose(re.sub(r"\s+", " ", re.sub(r"\d", "0", text)))


@lru_cache(maxsize=4096)
def _propose(text: str) -> dict[str, str]:
    """The same for all texts that differ in their digits alone."""
    proposals: dict[str, str] = {}
    if _EPOCH.fullmatch(text):
        proposals[""] = EPOCH
    for pattern, orders, time in _PATTERNS:
        match = pattern.fullmatch(text)
        if match is None:
            continue
        groups = match.groupdict()
        weekday = re.sub(r"[A-Za-z]+", "%a", groups["a"] or "")
        clock = (groups["j"] or "") + time if groups.get("j") is not None else ""
        for order, date in orders.items():
            day = date.replace("{s}", groups.get("s") or "")
            dot = "." if text.endswith(".") and not clock else ""
            proposals.setdefault(
                order, weekday + day + dot + clock + ("%z" if groups["z"] else "") + (groups["n"] or "")
            )
    return proposals


def date_forms(values: list[str]) -> list[StampForm]:
    """Forms that read at least nine in ten of a column's texts: one for each order of the date that fits."""
    templates: dict[str, Counter[str]] = {}
    if not any(propose(value) for value in values[:: max(len(values) // _TRIED, 1)]):
        return []
    for value in values:
        for order, template in propose(value).items():
            templates.setdefault(order, Counter())[template] += 1
    forms = []
    for order, counts in templates.items():
        ranked = tuple(template for template, _ in counts.most_common(4))
        _, _, fitted = parse_stamps(pack(values), 0, ranked)
        if fitted.mean() >= _SHARE:
            timed = any("%H" in template or "%I" in template for template in ranked)
            kind = "epoch" if ranked == (EPOCH,) else "datetime" if timed else "date"
            forms.append(StampForm(kind, order, (_counted_by(values),) if kind == "epoch" else ranked))
    return forms


def _counted_by(values: list[str]) -> str:
    """What bare numbers count: as nanoseconds since 1970 all of these would lie in a few months, long ago."""
    if all(re.fullmatch(r"6[23]\d{16}|64[0-4]\d{15}", value) for value in values):
        return TICKS
    return FILETIME if all(re.fullmatch(r"1[23]\d{16}", value) for value in values) else EPOCH


def serial_form(values: list[str]) -> StampForm | None:
    """Form of a column of spreadsheet days that run on."""
    form = StampForm("datetime" if any("." in value for value in values) else "date", "", (SERIAL,))
    local, _, fitted = parse_stamps(pack(values), 0, form.templates)
    steps = np.diff(local[fitted])
    if fitted.mean() < _SHARE or not steps.any():
        return None
    return form if max((steps >= 0).mean(), (steps <= 0).mean()) > 0.98 else None


def time_form(values: list[str]) -> StampForm | None:
    """Form of a column that holds the time of day alone."""
    counts: Counter[str] = Counter()
    for value in values:
        counts.update(template for pattern, template in _TIMES_ALONE if pattern.fullmatch(value))
    digits = max((len(value) for value in values if re.fullmatch(r"\d{1,6}", value)), default=0)
    unpadded = ("%h",) if digits <= 4 else ("%j",)  # 930, or 93000
    for ranked in (tuple(template for template, _ in counts.most_common(4)), unpadded):
        if ranked and parse_stamps(pack(values), 0, ranked)[2].mean() >= _SHARE:
            return StampForm("time", "", ranked)
    return None


def sample_stamps(values: list[str], form: StampForm) -> Int64s:
    """Local ms of those texts that the form reads."""
    local, _, fitted = parse_stamps(pack(values), 0, form.templates)
    return local[fitted]


def settle_order(values: list[str], forms: list[StampForm], wanted: str | None, field: str) -> StampForm:
    """Choose among the forms of one column.

    The option decides; else how many values each form reads; else which form makes the days run on rather than leap;
    else dots, which only day-first countries use.

    Raises
    ------
    FormatError
        More than one is left.
    """
    left = [form for form in forms if form.order == wanted] if wanted else forms
    if not left:
        raise FormatError(
            "date_order",
            wanted,
            f"does not fit {field} = {values[0]!r}",
            "leave --date-order out, or correct it",
        )
    calendar = [form for form in left if form.kind != "epoch"]
    left = calendar or left  # digits that are dates throughout are no epochs: those would lie in the seventies
    if len(left) > 1:
        reads = [sample_stamps(values, form).size for form in left]
        left = [form for form, read in zip(left, reads, strict=True) if read == max(reads)]
    if len(left) > 1:
        smooth = [form for form in left if _runs_on(values, form)]
        left = smooth if len(smooth) == 1 else left
    if len(left) > 1 and all(re.match(r"%.\.%.\.%.", form.templates[0]) for form in left):
        left = [form for form in left if form.order == "dmy"] or left
    if len(left) > 1:
        names = " or ".join(form.order for form in left)
        raise FormatError(field, values[0], f"is a date in the order {names}", f"settle it with --date-order {names}")
    return left[0]


def _runs_on(values: list[str], form: StampForm) -> bool:
    """Whether the days follow one another in one direction, without a leap of 25 days or more."""
    days = sample_stamps(values, form) // _DAY_MS
    steps = np.diff(days)
    steps = steps[steps != 0]
    if steps.size < (1 if len(values) >= _MANY else 2):
        return False
    return bool((np.sign(steps) == np.sign(steps[0])).all() and (np.abs(steps) < 25).all())

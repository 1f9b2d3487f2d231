"""Every call of an MQL5 function has a known name and as many arguments as it takes; every constant is known."""

import re
from pathlib import Path

MQL5 = Path(__file__).parents[2] / "mql5"
SOURCES = sorted(MQL5.rglob("*.mq?"))
_KEYWORDS = {
    "if",
    "while",
    "for",
    "switch",
    "return",
    "sizeof",
    "int",
    "long",
    "ulong",
    "uint",
    "uchar",
    "double",
    "datetime",
}
_CTRADE = {  # of the Standard Library
    "SetExpertMagicNumber": 1, "SetDeviationInPoints": 1, "SetAsyncMode": 1, "SetTypeFilling": 1, "Buy": 6, "Sell": 6,
    "PositionModify": 3, "PositionClose": 1, "ResultRetcode": 0, "ResultPrice": 0, "ResultVolume": 0, "ResultOrder": 0,
}  # fmt: skip


def _code(path):
    text = re.sub(r'"(\\.|[^"\\])*"', '""', path.read_text())
    return re.sub(r"//[^\n]*|/\*.*?\*/|'(\\.|[^'\\])+'", "0", text, flags=re.DOTALL)


def _arguments(code, at):
    """How many there are in the parentheses that open before ``at``."""
    depth, commas, empty = 1, 0, True
    while depth:
        letter = code[at]
        depth += (letter in "([{") - (letter in ")]}")
        commas += letter == "," and depth == 1
        empty = empty and (letter.isspace() or depth == 0)
        at += 1
    return 0 if empty else commas + 1


CODE = {path: _code(path) for path in SOURCES}
_LINES = [
    line.split() for line in (MQL5 / "harness" / "builtins.txt").read_text().splitlines() if line[:1] not in {"", "#"}
]
ARITY = {line[0]: (int(line[1]), int(line[-1])) for line in _LINES if line[0][0] != "="}
CONSTANTS = {line[0][1:] for line in _LINES if line[0][0] == "="}
ALL = "\n".join(CODE.values())
OWN = set(re.findall(r"^\s*(?:static\s+)?(?:const\s+)?\w+\s+~?(\w+)\s*\(", ALL, re.MULTILINE)) - _KEYWORDS
OWN |= set(re.findall(r"\bclass\s+(\w+)", ALL))


def test_there_are_sources():
    assert len(SOURCES) > 20


def test_every_call_is_known_and_has_its_arguments():
    wrong = []
    for path, code in CODE.items():
        for found in re.finditer(r"(?<![\w:~.])([A-Za-z_]\w*)\s*\(", code):
            name, count = found[1], _arguments(code, found.end())
            if name in ARITY and name not in OWN and not ARITY[name][0] <= count <= ARITY[name][1]:
                wrong.append(f"{path.name}: {name} with {count} arguments")
            if name not in ARITY and name not in OWN and name not in _KEYWORDS:
                wrong.append(f"{path.name}: {name} is unknown")
    assert not wrong


def test_every_call_of_ctrade_is_of_its_interface():
    calls = [
        (found[1], _arguments(code, found.end()))
        for code in CODE.values()
        for found in re.finditer(r"\bm_trade\.(\w+)\(", code)
    ]
    assert {(name, count) for name, count in calls if _CTRADE.get(name) != count and name not in OWN} == set()


def test_every_constant_is_known():
    own = set(re.findall(r"#define (\w+)", ALL)) | set(re.findall(r"\benum (\w+)", ALL))
    for body in re.findall(r"enum \w+\s*\{([^}]*)\}", ALL):
        own |= set(re.findall(r"\w+", body))
    used = set(re.findall(r"\b(?:[A-Z][A-Z0-9]*_[A-Z0-9_]+|clr[A-Z]\w+)\b", ALL))
    assert not used - own - CONSTANTS


def test_nothing_is_listed_that_is_not_used():
    assert not [name for name in ARITY if not re.search(rf"\b{name}\s*\(", ALL)]
    assert not [name for name in CONSTANTS if not re.search(rf"\b{name}\b", ALL)]

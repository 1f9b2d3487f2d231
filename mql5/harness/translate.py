"""MQL5 source to C++: only what the two spell differently, refused where it leaves the portable subset."""

import calendar
import re
from pathlib import Path

_TOKEN = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/)|(?P<date>D'[^']*')|(?P<color>C'[^']*')|(?P<char>'(?:\\.|[^'\\])+')"""
    r"""|(?P<text>"(?:\\.|[^"\\])*")|(?P<code>[^"'/DC]+|.)""",
    re.DOTALL,
)
_INCLUDE = re.compile(r'^\s*#include\s+([<"])([^>"]+)[>"]')
_NAME = r"[A-Za-z_]\w*"
_FORBIDDEN = {
    r"\bnew\b": "new", r"\bdelete\b": "delete", r"\btemplate\b": "template", r"\btypedef\b": "typedef",
    r"\busing\b": "using", r"\bauto\b": "auto", r"->": "a pointer", r"\bnullptr\b": "nullptr", r"\bstd::": "std",
    rf"\b{_NAME}\s*\*\s*{_NAME}\s*[=;,)](?=.*\bGetPointer\b)": "a pointer", r"#import\b": "#import",
    r"\[\s*\]\s*\[": "an array of two dimensions",
}  # fmt: skip


class NotPortableError(Exception):
    """The source leaves the subset that MetaEditor and g++ read alike; says where and why."""


def _date(literal: str) -> str:
    parts = [int(part) for part in re.findall(r"\d+", literal)]
    return str(calendar.timegm((*parts[:3], *[*parts[3:], 0, 0, 0][:3], 0, 0, 0)))


def _color(literal: str) -> str:
    red, green, blue = (int(part, 0) for part in literal[2:-1].split(","))
    return str(red | green << 8 | blue << 16)


def _split(source: str) -> list[tuple[str, str]]:
    return [(str(found.lastgroup), found.group()) for found in _TOKEN.finditer(source)]


def _hide(source: str) -> tuple[str, list[str]]:
    """Source with comments blanked and every literal replaced by a placeholder, and the literals in C++."""
    literals: list[str] = []
    made: list[str] = []
    last = ""
    for kind, piece in _split(source):
        if kind == "comment":
            made.append("\n" * piece.count("\n"))
        elif kind == "code" or (kind in {"date", "color"} and last[-1:].isalnum()):
            made.append(piece)
        else:
            literals.append(
                _date(piece) if kind == "date" else _color(piece) if kind == "color"
                else f"string(u{piece})" if kind == "text" else piece
            )  # fmt: skip
            made.append(f"\x01{len(literals) - 1}\x02")
        last = piece
    return "".join(made), literals


def _declarations(line: str) -> str:
    type_ = rf"(?P<type>(?:const\s+)?{_NAME})"
    line = re.sub(rf"^(\s*)input\s+({_NAME})\s+({_NAME})\s*=\s*(.*);", r"\1MQL_INPUT(\2, \3, \4);", line)
    line = re.sub(r"^(\s*)input\s+group\b.*", r"\1", line)
    line = re.sub(rf"{type_}\s*&\s*({_NAME})\s*\[\s*\]", _reference, line)
    line = re.sub(rf"^(\s*(?:static\s+)?(?:const\s+)?)({_NAME})\s+({_NAME})\s*\[\s*\]", r"\1Array<\2> \3", line)
    return re.sub(rf"^(\s*(?:static\s+)?(?:const\s+)?)({_NAME})\s+({_NAME})\s*\[([^\]=]+)\]\s*(=|;)", _fixed, line)


def _reference(found: re.Match[str]) -> str:
    words = found["type"].split()
    const = "const " if len(words) == 2 else ""
    return f"{const}Array<{words[-1]}> &{found[2]}"


def _fixed(found: re.Match[str]) -> str:
    before, type_, name, size, end = found.groups()
    if type_ in {"return", "else", "case"}:
        return found[0]
    return f"{before}Array<{type_}> {name}" + (f"{{FixedSize{{{size}}}}};" if end == ";" else " =")


def _body(path: Path) -> tuple[str, list[str]]:
    source = path.read_bytes()
    if not source.isascii():
        raise NotPortableError(f"{path}: must be ASCII")
    text, literals = _hide(re.sub(r"^(#include.*)$", lambda m: m[0].replace('"', "\x03"), source.decode(), flags=re.M))
    for pattern, name in _FORBIDDEN.items():
        if found := re.search(pattern, text):
            raise NotPortableError(f"{path}:{text[: found.start()].count(chr(10)) + 1}: {name}")
    return text.replace("\x03", '"'), literals


def translate(path: Path, include: Path, seen: set[Path] | None = None) -> str:
    r"""C++ text of an MQL5 source with its includes inlined, each once.

    Parameters
    ----------
    include
        The folder that stands for MQL5/Include. ``Trade\Trade.mqh`` is the emulator's own.

    Raises
    ------
    NotPortableError
        The source uses what only one of the two languages has.
    """
    seen = set() if seen is None else seen
    seen.add(path.resolve())
    text, literals = _body(path)
    made = [f'#line 1 "{path}"']
    for number, line in enumerate(text.split("\n"), 1):
        if found := _INCLUDE.match(line):
            name = found[2].replace("\\", "/")
            target = (include if found[1] == "<" else path.parent) / name
            if name != "Trade/Trade.mqh" and target.resolve() not in seen:
                made += [translate(target, include, seen), f'#line {number + 1} "{path}"']
            else:
                made.append("")
        elif re.match(r"\s*#property\b", line):
            made.append("")
        else:
            made.append(re.sub(r"\x01(\d+)\x02", lambda m: literals[int(m[1])], _declarations(line)))
    return "\n".join(made)

"""Blocks are whole lines, forward and backward, in every encoding."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from producer.exports.text_blocks import TextFile
from shared.errors import FormatError

# ਊ is U+0A0A and Ā is U+0100: in wide encodings their bytes hold line breaks that are not aligned
LETTERS = st.text(alphabet="a1,ਊĀ਀", max_size=12)


@given(
    st.lists(LETTERS, min_size=1, max_size=40),
    st.sampled_from(["utf-8", "utf-16", "utf-16-be", "utf-32"]),
    st.integers(60, 400),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_blocks_hold_every_line_once_with_its_number(
    tmp_path: Path, lines: list[str], encoding: str, block_bytes: int
) -> None:
    lines = ["first,", *lines]
    bom = "\ufeff" if encoding == "utf-16-be" else ""
    (tmp_path / "x.csv").write_bytes((bom + "\n".join(lines) + "\n").encode(encoding))
    file = TextFile(tmp_path / "x.csv", block_bytes // 4 * 4)
    blocks = list(file.blocks())
    assert b"".join(block.text for block in blocks).decode().split("\n")[:-1] == lines
    number = 1
    for block in blocks:
        assert block.first_line == number
        number += block.text.count(b"\n")
    assert list(file.blocks(backward=True)) == blocks[::-1]


def test_a_line_longer_than_a_block_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b"a" * 1_000 + b"\n")
    with pytest.raises(FormatError, match="line 1"):
        list(TextFile(tmp_path / "x.csv", 100).blocks())


def test_excerpts_from_later_are_whole_lines_of_the_file(tmp_path: Path) -> None:
    lines = [f"line {k}" for k in range(200_000)]
    (tmp_path / "x.csv").write_bytes("\n".join(lines).encode("utf-16"))
    file = TextFile(tmp_path / "x.csv")
    assert file.head()[:2] == lines[:2]
    middle, end = file.later()
    assert set(middle) <= set(lines)
    assert end[-1] == lines[-1]

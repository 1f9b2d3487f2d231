"""Which files make up the archive, and up to where it has read: one SQLite file, so that both change together."""

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

NAME = "catalog.sqlite"
_TABLES = """
CREATE TABLE IF NOT EXISTS files (
    path TEXT PRIMARY KEY, kind TEXT, series TEXT, month TEXT, rows INTEGER, first INTEGER, last INTEGER);
CREATE TABLE IF NOT EXISTS positions (log TEXT PRIMARY KEY, id TEXT);
CREATE TABLE IF NOT EXISTS newest (
    kind TEXT, series TEXT, of TEXT, t INTEGER, n INTEGER, PRIMARY KEY (kind, series, of));
CREATE INDEX IF NOT EXISTS by_series ON files (kind, series, month);
"""


@dataclass(frozen=True, slots=True)
class FileRecord:
    """One Parquet file. ``first`` and ``last`` are open times of its candles, UTC epoch ms."""

    path: str  # below the archive's folder
    kind: str
    series: str  # key
    month: str  # 2024-03, UTC
    rows: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest row that the archive has of a series, bundle or feature set, or of an Expert Advisor's run.

    ``t`` is its ``Record.place``.
    """

    kind: str
    series: str
    of: str
    t: int
    n: int


class Catalog:
    """The record of a folder; ``change`` is atomic and on disk when it returns."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self._connection = sqlite3.connect(self._path, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.executescript(_TABLES)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def files(self, kind: str | None = None, series: str | None = None) -> list[FileRecord]:
        """Files of a kind and series, or all, in order of time."""
        wanted = {name: value for name, value in (("kind", kind), ("series", series)) if value is not None}
        where = " AND ".join(f"{name} = :{name}" for name in wanted) or "1"
        query = f"SELECT * FROM files WHERE {where} ORDER BY kind, series, month, first, path"  # noqa: S608 - fixed names
        with closing(self._connection.execute(query, wanted)) as found:
            return [FileRecord(*row) for row in found]

    def positions(self) -> dict[str, str]:
        """Log -> the last entry whose row is in the archive."""
        return dict(self._connection.execute("SELECT log, id FROM positions"))

    def newest(self) -> list[Newest]:
        """What is newest of everything."""
        return [Newest(*row) for row in self._connection.execute("SELECT kind, series, of, t, n FROM newest")]

    def change(
        self,
        added: Sequence[FileRecord] = (),
        removed: Iterable[str] = (),
        positions: Iterable[tuple[str, str]] = (),
        newest: Iterable[Newest] = (),
    ) -> None:
        """Do all of it, or nothing."""
        run = self._connection
        run.execute("BEGIN IMMEDIATE")
        try:
            run.executemany("DELETE FROM files WHERE path = ?", [(path,) for path in removed])
            run.executemany(
                "INSERT INTO files VALUES (?, ?, ?, ?, ?, ?, ?)",
                [(one.path, one.kind, one.series, one.month, one.rows, one.first, one.last) for one in added],
            )
            run.executemany("INSERT OR REPLACE INTO positions VALUES (?, ?)", positions)
            run.executemany(
                "INSERT OR REPLACE INTO newest VALUES (?, ?, ?, ?, ?)",
                [(one.kind, one.series, one.of, one.t, one.n) for one in newest],
            )
        except BaseException:
            run.execute("ROLLBACK")
            raise
        run.execute("COMMIT")

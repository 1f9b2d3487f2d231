"""The archive's folder: Parquet files by kind, series and month, and the catalog that says which of them count."""

import fcntl
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import structlog

from archive.storage.catalog import NAME, Catalog, FileRecord, Newest
from archive.storage.kinds import SCHEMAS, Record
from shared.contracts import Series
from shared.errors import InputError

PARTS_MAX = 16
"""Files of one kind, series and month, beyond which they are made one."""

_log = structlog.get_logger()


class Vault:
    """Reads an archive, and writes it where ``write`` is asked for: one writer at a time.

    A file counts once the catalog names it; the same change moves the positions. So whoever is killed anywhere leaves
    the archive as it was, and at most files that no catalog names, which the next writer deletes.

    Raises
    ------
    InputError
        The folder cannot be written, or another process writes it; or, to read, holds no archive.
    """

    def __init__(self, folder: Path, *, write: bool = False) -> None:
        self.folder = folder
        self._lock = _lock(folder) if write else None
        if not write and not (folder / NAME).exists():
            raise InputError(
                "archive.folder", str(folder), "holds no archive", "name its folder, or run natron archive"
            )
        self.catalog = Catalog(folder)
        if write:
            try:
                self._delete_strays()
            except BaseException:
                self.close()  # nobody else can: there is no vault
                raise

    def close(self) -> None:
        """Let go of the folder."""
        self.catalog.close()
        if self._lock is not None:
            os.close(self._lock)

    def append(self, records: Sequence[Record], positions: Mapping[str, str], newest: Sequence[Newest]) -> None:
        """Write rows, and the positions that go with them, all or nothing."""
        groups: dict[tuple[str, str, str], list[Record]] = {}
        for one in records:
            groups.setdefault((one.kind, one.key, month_of(one.t)), []).append(one)
        added = [self._write(*key, _table(key[0], group)) for key, group in groups.items()]
        self.catalog.change(added=added, positions=positions.items(), newest=newest)

    def _write(self, kind: str, series: str, month: str, table: pa.Table) -> FileRecord:
        times = table.column("t").to_pylist()
        path = Path(kind, series, month, f"{min(times)}-{secrets.token_hex(4)}.parquet")
        whole = self.folder / path
        whole.parent.mkdir(parents=True, exist_ok=True)
        with whole.open("xb") as file:
            pq.write_table(table, file, compression="zstd")
            file.flush()
            os.fsync(file.fileno())
        _sync(whole.parent)
        return FileRecord(str(path), kind, series, month, len(times), min(times), max(times))

    def compact(self) -> int:
        """Make one file of each month that has more than ``PARTS_MAX``; returns how many months."""
        months: dict[tuple[str, str, str], list[FileRecord]] = {}
        for one in self.catalog.files():
            months.setdefault((one.kind, one.series, one.month), []).append(one)
        crowded = {key: parts for key, parts in months.items() if len(parts) > PARTS_MAX}
        for key, parts in crowded.items():
            table = pa.concat_tables([pq.read_table(self.folder / one.path) for one in parts]).sort_by("t")
            self.catalog.change(added=[self._write(*key, table)], removed=[one.path for one in parts])
            self._unlink([one.path for one in parts])
        return len(crowded)

    def expire(self, months: Mapping[str, int], now_ms: int) -> int:
        """Delete what is older than so many whole months of its kind (0: nothing is); returns how many files."""
        gone = [
            one.path
            for one in self.catalog.files()
            if months.get(one.kind, 0) and one.month < _months_before(now_ms, months[one.kind])
        ]
        if gone:
            self.catalog.change(removed=gone)
            self._unlink(gone)
            _log.info("archive_expired", files=len(gone))
        return len(gone)

    def read(self, kind: str, series: Series, first_t: int = 0, last_t: int = 2**62) -> pa.Table:
        """Rows of a series from ``first_t`` to ``last_t`` (open times, UTC epoch ms), in order of time."""
        tables = [
            pq.read_table(self.folder / one.path)
            for one in self.catalog.files(kind, series.key)
            if one.last >= first_t and one.first <= last_t
        ]
        table = pa.concat_tables([SCHEMAS[kind].empty_table(), *tables]).sort_by("t")
        times = table.column("t")
        return table.filter(pc.and_(pc.greater_equal(times, first_t), pc.less_equal(times, last_t)))

    def series(self, kind: str) -> Iterator[Series]:
        """Series with rows of a kind."""
        for key in sorted({one.series for one in self.catalog.files(kind)}):
            yield Series.from_key(key)

    def _delete_strays(self) -> None:
        """Files that a killed writer left, and that count for nothing."""
        known = {one.path for one in self.catalog.files()}
        for kind in SCHEMAS:
            strays = [path for path in (self.folder / kind).rglob("*.parquet") if self._below(path) not in known]
            self._unlink([self._below(path) for path in strays])

    def _below(self, path: Path) -> str:
        return str(path.relative_to(self.folder))

    def _unlink(self, paths: Sequence[str]) -> None:
        for path in paths:
            (self.folder / path).unlink(missing_ok=True)


def month_of(t: int) -> str:
    """The UTC month of a time, epoch ms: 2024-03."""
    return datetime.fromtimestamp(t / 1_000, UTC).strftime("%Y-%m")


def _months_before(now_ms: int, months: int) -> str:
    now = datetime.fromtimestamp(now_ms / 1_000, UTC)
    total = now.year * 12 + now.month - 1 - months
    return f"{total // 12:04d}-{total % 12 + 1:02d}"


def _table(kind: str, records: Sequence[Record]) -> pa.Table:
    return pa.Table.from_pylist([one.values for one in sorted(records, key=lambda one: one.t)], SCHEMAS[kind])


def _lock(folder: Path) -> int:
    """Take the folder for this process; the lock goes with it, however it ends."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise InputError(
            "archive.folder", str(folder), f"cannot be written: {error.strerror}", "name another"
        ) from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise InputError("archive.folder", str(folder), "is written by another process", "stop it first") from None
    return handle


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

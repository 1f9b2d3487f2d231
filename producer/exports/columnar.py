"""Feather (Arrow) and Parquet tables, as text, batch by batch."""

from collections.abc import Iterator
from io import BytesIO
from typing import Any, BinaryIO

from shared.errors import FormatError

_ROWS = 65_536


def write_columnar(file: BinaryIO, kind: str) -> Iterator[bytes]:
    """Yield a table as CSV with a header; numbers are written so that they read back.

    Raises
    ------
    FormatError
        pyarrow is not installed, or the table is damaged.
    """
    try:
        import pyarrow as pa  # noqa: PLC0415 - an extra that only these files need
    except ImportError:
        raise FormatError(
            "file", kind, "needs pyarrow, which is not installed",
            "install it with pip install 'natron[parquet]', or save the table as CSV",
        ) from None  # fmt: skip
    file.seek(0)
    try:
        first = True
        for batch in _batches(file, kind):
            yield _text(batch, header=first)
            first = False
    except (pa.ArrowException, OSError) as error:
        raise FormatError("file", str(error)[:80], f"is a {kind} table that cannot be read", "save it again") from None


def _batches(file: BinaryIO, kind: str) -> Iterator[Any]:
    if kind == "Parquet":
        from pyarrow import parquet  # noqa: PLC0415

        yield from parquet.ParquetFile(file).iter_batches(_ROWS)
        return
    from pyarrow import feather, ipc  # noqa: PLC0415

    if file.read(4) == b"FEA1":  # the first version, which is read whole
        file.seek(0)
        yield from feather.read_table(file).to_batches(_ROWS)
        return
    file.seek(0)
    reader = ipc.open_file(file)
    for index in range(reader.num_record_batches):
        yield reader.get_batch(index)


def _text(batch: Any, *, header: bool) -> bytes:
    import pyarrow as pa  # noqa: PLC0415
    from pyarrow import csv, types  # noqa: PLC0415

    names, columns = [], []
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        plain = column.dictionary_decode() if types.is_dictionary(column.type) else column
        if types.is_decimal(plain.type):
            plain = plain.cast(pa.string())
        if not types.is_nested(plain.type) and not types.is_binary(plain.type):
            names.append(name)
            columns.append(plain)
    sink = BytesIO()
    options = csv.WriteOptions(include_header=header)
    csv.write_csv(pa.Table.from_arrays(columns, names), sink, options)
    return sink.getvalue()

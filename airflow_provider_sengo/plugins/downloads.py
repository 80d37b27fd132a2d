# SPDX-License-Identifier: Apache-2.0
"""A day's transactions as a file, streamed batch by batch: CSV for spreadsheets, Parquet for engines.

Personal data is masked and the records' own bytes are left out unless ``?show=personal`` asks for them;
CSV never holds the bytes.

CSV: every text is quoted, so a separator or line break within one begins no cell. A spreadsheet whose locale
separates by ``;`` (Indonesian) takes our quotes for text from the second column on, and splits there all the
same. So an apostrophe goes before what would be a formula at the start of a text, and also after each ``;`` and
line break in it. That changes such a text; Parquet holds every text exactly.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime
from itertools import chain
from typing import Annotated, Any

import pyarrow as pa
import pyarrow.parquet as pq
from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from airflow_provider_sengo.archive import report
from airflow_provider_sengo.archive.schema import TRANSACTIONS
from airflow_provider_sengo.plugins.masking import LEFT_OUT, MASKS
from airflow_provider_sengo.plugins.search_page import PERSONAL
from airflow_provider_sengo.plugins.source import archive_tables, read_day, read_type

router = APIRouter()

Show = Annotated[str, Query(alias="show")]
Encoder = Callable[[pa.Schema, Iterator[pa.RecordBatch]], Iterator[bytes]]

WITHOUT_BYTES = [name for name in TRANSACTIONS.names if name != LEFT_OUT]
# What a spreadsheet takes for a formula: these, their wide forms, and what it skips before them.
_SIGNS = r"[=+\-@\uff1d\uff0b\uff0d\uff20]"
_SKIPPED = r"\s\x00-\x1f\u200b\ufeff"
_FORMULA = re.compile(rf"[\t\r\n]|[{_SKIPPED}]*{_SIGNS}")
# The same where a cell might begin within a text, perhaps behind a quote; never past a further separator.
_SEPARATORS = ";\r\n"
_INNER_FORMULA = re.compile(rf"(?<=[{_SEPARATORS}])(?=(?:(?![\r\n])[{_SKIPPED}\"])*{_SIGNS})")


@router.get("/day.csv")
def day_csv(project: str, day: str, type: str, asked: Show = "") -> StreamingResponse:
    """A day's transactions as CSV in UTF-8; times are UTC, amounts whole rupiah."""
    personal = asked == PERSONAL
    chosen = read_day(day, "day")
    return _stream(project, read_type(type), chosen, "csv", WITHOUT_BYTES, csv_chunks, personal=personal)


@router.get("/day.parquet")
def day_parquet(project: str, day: str, type: str, asked: Show = "") -> StreamingResponse:
    """A day's transactions as Parquet, in the archive's own columns."""
    personal = asked == PERSONAL
    columns = TRANSACTIONS.names if personal else WITHOUT_BYTES
    chosen = read_day(day, "day")
    return _stream(project, read_type(type), chosen, "parquet", columns, parquet_chunks, personal=personal)


def _stream(
    project: str, type_: str, day: date, kind: str, columns: list[str], encode: Encoder, *, personal: bool
) -> StreamingResponse:
    """The answer; an archive that cannot be read is told before the first byte."""
    with archive_tables() as tables:
        batches = report.rows_of_day(tables, project, type_, day, columns)
        first = list(next_of(batches))
    shown = (batch if personal else masked_batch(batch) for batch in chain(first, batches))
    name = re.sub(r"[^A-Za-z0-9._-]", "_", f"{project}-{type_}-{day}{'' if personal else '-masked'}.{kind}")
    media_type = "text/csv; charset=utf-8" if kind == "csv" else "application/vnd.apache.parquet"
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return StreamingResponse(encode(batches.schema, shown), media_type=media_type, headers=headers)


def next_of(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The next batch, if there is one."""
    for batch in batches:
        yield batch
        return


def masked_batch(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch with its personal columns masked."""
    columns = [
        pa.array([MASKS[name](value) for value in column.to_pylist()], pa.string())
        if name in MASKS
        else column
        for name, column in zip(batch.schema.names, batch.columns, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def csv_chunks(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Iterator[bytes]:
    """A header and a line for each row, one piece a batch."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow(schema.names)
    for batch in batches:
        columns = [column.to_pylist() for column in batch.columns]
        writer.writerows([cell(value) for value in row] for row in zip(*columns, strict=True))
        yield _taken(text)
    yield _taken(text)


def _taken(text: io.StringIO) -> bytes:
    """What was written since the last time."""
    written = text.getvalue()
    text.seek(0)
    text.truncate()
    return written.encode()


def cell(value: Any) -> Any:
    """A value for CSV: an apostrophe goes before what a spreadsheet would run as a formula."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if not isinstance(value, str):
        return value
    if any(separator in value for separator in _SEPARATORS):
        value = _INNER_FORMULA.sub("'", value)
    return f"'{value}" if _FORMULA.match(value) else value


class _Sink(io.RawIOBase):
    """Takes what the Parquet writer writes, until it is fetched."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._pieces.append(bytes(data))
        return len(self._pieces[-1])

    def taken(self) -> bytes:
        """What was written since the last time."""
        written = b"".join(self._pieces)
        self._pieces.clear()
        return written


def parquet_chunks(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Iterator[bytes]:
    """A Parquet file, one piece a row group."""
    sink = _Sink()
    with pq.ParquetWriter(sink, schema, compression="zstd") as writer:
        for batch in batches:
            writer.write_batch(batch.cast(schema))
            yield sink.taken()
    yield sink.taken()

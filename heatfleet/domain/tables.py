"""Delimited text as people export it: encodings, delimiters, number styles. Pure: bytes in, cells out.

Every complaint is one line that names the file, the line and, where there is one, the column.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from heatfleet.domain.errors import FieldError, Invalid

MISSING = frozenset({"", "-", "–", "nan", "na", "n/a", "n/e", "null", "none"})
_ZIP = b"PK\x03\x04"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class Row:
    """The cells of one line of the file."""

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Source:
    """What a complaint must name: the option or field (``prices``) and the file."""

    option: str
    file: str

    def wrong(self, message: str, line: int | None = None, column: str | None = None) -> Invalid:
        """The error to raise."""
        where = f" line {line}" if line is not None else ""
        where += f", column '{column}'" if column is not None else ""
        return Invalid(FieldError((self.option,), " ".join(f"{self.file}{where}: {message}".split()), "file"))


def decode(raw: bytes) -> str:
    """The text of an export: UTF-8 with or without BOM, UTF-16 with BOM, else Windows-1252."""
    if raw.startswith(_UTF16):
        return raw.decode("utf-16", errors="replace")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace")


def delimiter_of(header: str) -> str:
    """The delimiter that a header line uses most."""
    return max(";,\t", key=header.count)


def rows_of(source: Source, raw: bytes, is_header: Callable[[str], bool]) -> list[Row]:
    """Rows from the header line on, without blank ones; empty when no line is a header."""
    if raw.startswith(_ZIP):
        raise source.wrong("this is an Excel workbook; export it as CSV")
    lines = decode(raw).replace("\0", "").splitlines()
    first = next((i for i, line in enumerate(lines) if is_header(line)), None)
    if first is None:
        return []
    reader = csv.reader(io.StringIO("\n".join(lines[first:])), delimiter=delimiter_of(lines[first]))
    try:
        rows = [Row(first + reader.line_num, tuple(cell.strip() for cell in cells)) for cells in reader]
    except csv.Error as error:
        raise source.wrong(str(error), first + reader.line_num) from error
    return [row for row in rows if any(row.cells)]


def first_cell(line: str) -> str:
    """The first cell of a line in lower case, without quotes."""
    return line.split(delimiter_of(line), 1)[0].strip().strip('"').lower()


def number(cell: str, *, decimal_comma: bool) -> float:
    """A cell as a number, NaN when it says missing; ``ValueError`` for anything else, infinities included."""
    if cell.lower() in MISSING:
        return math.nan
    plain = cell.replace("\u00a0", "").replace("\u202f", "").replace(" ", "").replace("−", "-")
    plain = plain.replace(".", "").replace(",", ".") if decimal_comma else _point_number(plain)
    value = float(plain)
    if not math.isfinite(value) or "_" in plain:
        raise ValueError(cell)
    return value


def _point_number(text: str) -> str:
    """Text with a decimal point: ``1,234.56`` loses its thousands mark, a lone comma is no number here."""
    head, point, tail = text.partition(".")
    groups = head.lstrip("+-").split(",")
    if len(groups) > 1 and (not 1 <= len(groups[0]) <= 3 or any(len(g) != 3 for g in groups[1:])):
        raise ValueError(text)
    return head.replace(",", "") + point + tail


def numbers(source: Source, rows: Sequence[Row], index: int, column: str, *, decimal_comma: bool) -> list[float]:
    """One column as numbers, NaN where missing; names line and column of the first cell that is neither."""
    values = []
    for row in rows:
        cell = row.cells[index] if index < len(row.cells) else ""
        try:
            values.append(number(cell, decimal_comma=decimal_comma))
        except ValueError:
            raise source.wrong(f"'{cell}' is not a number", row.line, column) from None
    return values

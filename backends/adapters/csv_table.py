"""Tables that people edit in a spreadsheet: CSV read whole or not at all, every fault with its line.

Pure: bytes in, cells out, and back. RFC 4180 with ',' or ';', UTF-8; written with a byte order mark, without
which Excel takes it for another encoding. Cells that a spreadsheet would run as a formula get a ' before them,
and lose it again. Must not: know what the columns mean.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

MOST_BYTES = 16 << 20
MOST_ROWS = 10_000
MOST_TEXT = 500
"""Characters of one cell."""

_GUARDED = re.compile(r"'*[=+\-@\t\r＝＋－＠]")  # the wide ones count in some spreadsheets
"""What a spreadsheet would take for a formula (OWASP, CSV injection), or what we have put ' before already."""


@dataclass(frozen=True)
class Fault:
    """Something wrong, with the line of the file where its row begins (the heading is line 1)."""

    line: int
    text: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.text}"


class CsvFaults(ValueError):
    """The file is not used at all."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(sorted(faults, key=lambda fault: fault.line))
        super().__init__("; ".join(str(fault) for fault in self.faults))


@dataclass(frozen=True)
class Heading:
    """The columns that a table may have."""

    columns: Sequence[str]
    needed: Sequence[str]
    secret: Collection[str] = ()
    """Columns that must never stand in it."""
    confidential: bool = False
    """The cells are secrets: taken as they stand (a password may begin with '='), and repeated in no fault."""
    most_rows: int = MOST_ROWS


LeftOut = list[tuple[Fault, dict[str, str]]]
"""Rows that cannot be used: what is wrong, and their cells as far as they fit the heading."""


def read_table(raw: bytes, heading: Heading, left_out: LeftOut | None = None) -> list[tuple[int, dict[str, str]]]:
    """(line, cells by column) of every row that is not empty. Raises CsvFaults.

    `left_out` takes the faults of single rows, which then stop nothing; what makes all rows doubtful still raises.
    """
    text = _decoded(raw)
    skipped = 0
    if text.startswith("sep="):  # Excel's own first line
        _, _, text = text.partition("\n")
        skipped = 1
    delimiter = max(",;", key=lambda mark: len(_first_cells(text, mark) & set(heading.columns)))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    strip = str if heading.confidential else unguarded
    found: list[tuple[int, dict[str, str]]] = []
    faults: list[Fault] = []
    head: list[str] | None = None
    line = 1 + skipped
    try:
        for cells in reader:
            if head is None:
                head = [cell.strip().lower() for cell in cells]
                _check_heading(head, heading, line)
            elif any(cell.strip() for cell in cells):
                if len(cells) == len(head):
                    found.append((line, dict(zip(head, map(strip, cells), strict=True))))
                else:
                    odd = Fault(line, f"has {len(cells)} cells, the heading has {len(head)}")
                    if left_out is None:
                        faults.append(odd)
                    else:
                        left_out.append((odd, dict(zip(head, map(strip, cells), strict=False))))
            line = reader.line_num + 1 + skipped
    except csv.Error as error:
        faults.append(Fault(line, f"is not well-formed CSV: {error}"))
    if head is None:
        faults.append(Fault(1, "the file is empty"))
    if len(found) > heading.most_rows:
        faults.append(Fault(found[heading.most_rows][0], f"has more than {heading.most_rows} rows"))
    if faults:
        raise CsvFaults(faults)
    return found


def unguarded(cell: str) -> str:
    """Without the sign that keeps a spreadsheet from reading it as a formula."""
    return cell[1:] if cell.startswith("'") and _GUARDED.match(cell) else cell


def _decoded(raw: bytes) -> str:
    if len(raw) > MOST_BYTES:
        raise CsvFaults([Fault(1, f"the file is larger than {MOST_BYTES >> 20} MiB")])
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise CsvFaults([Fault(1, 'the file is UTF-16: save it as "CSV UTF-8"')])
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise CsvFaults([Fault(line, 'is not UTF-8: save the file as "CSV UTF-8"')]) from None


def _first_cells(text: str, delimiter: str) -> set[str]:
    first = text.split("\n", 1)[0]
    return {cell.strip().strip('"').lower() for cell in first.split(delimiter)}


def _check_heading(head: list[str], heading: Heading, line: int) -> None:
    if heading.confidential and sorted(head) != sorted(heading.columns):
        raise CsvFaults([Fault(line, f"the heading must be {','.join(heading.columns)}")])
    faults: list[Fault] = []
    for name in dict.fromkeys(head):
        if head.count(name) > 1:
            faults.append(Fault(line, f'column "{name}" stands there twice'))
        if name in heading.columns:
            continue
        if name in heading.secret:
            faults.append(Fault(line, f'column "{name}": users and passwords stand in a file of their own'))
            continue
        close = get_close_matches(name, heading.columns, n=1, cutoff=0.6)
        hint = f'; did you mean "{close[0]}"?' if close else f" (known: {', '.join(heading.columns)})"
        faults.append(Fault(line, f'there is no column "{name[:40]}"{hint}'))
    faults += [Fault(line, f'the column "{name}" is missing') for name in heading.needed if name not in head]
    if faults:
        raise CsvFaults(faults)


def plain(cell: str) -> str:
    """A cell as one line of text. Raises ValueError in words."""
    # Spreadsheets on other systems write ế as two or three characters; a name must equal itself.
    text = unicodedata.normalize("NFC", cell).strip()
    if len(text) > MOST_TEXT:
        raise ValueError(f"is longer than {MOST_TEXT} characters")
    if any(unicodedata.category(char) in ("Cc", "Cs") for char in text):
        raise ValueError("holds a line break or another control character")
    return text


def write_table(columns: Sequence[str], rows: Iterable[Sequence[str]], delimiter: str = ",") -> bytes:
    """A file that `read_table` gives back; the cells are guarded here."""
    text = io.StringIO(newline="")
    out = csv.writer(text, delimiter=delimiter, lineterminator="\r\n")
    out.writerow(columns)
    for row in rows:
        out.writerow([guarded(cell) for cell in row])
    return text.getvalue().encode("utf-8-sig")


def guarded(cell: str) -> str:
    """With a ' before what a spreadsheet would read as a formula. A plain number is none."""
    return f"'{cell}" if _GUARDED.match(cell) and not re.fullmatch(r"-[0-9]+(?:[.,][0-9]+)?", cell) else cell


def one_of(*words: str) -> Callable[[str], str]:
    """A cell that holds one of these words, in whatever case; its function raises ValueError for another."""

    def parse(cell: str) -> str:
        if cell.lower() not in words:
            raise ValueError(f'"{cell[:20]}" is not one of {", ".join(words)}')
        return cell.lower()

    return parse

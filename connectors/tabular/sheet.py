"""One file as numbered rows of text, whether CSV, XLSX or JSON Lines."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from connectors.base import Refusal
from connectors.tabular.csv_lines import QUOTE_ADVICE, CsvLines, is_bytewise
from connectors.tabular.encoding import decodable
from connectors.tabular.json_lines import SUFFIXES as JSON_SUFFIXES
from connectors.tabular.json_lines import json_rows
from connectors.tabular.workbook import SUFFIXES, workbook_rows

Rows = Iterator[tuple[int, list[str]]]


class Sheet(NamedTuple):
    """A file and how it is read. `encoding` is None for a workbook and for JSON Lines."""

    path: Path
    name: str
    encoding: str | None
    delimiter: str

    @property
    def by_lines(self) -> bool:
        """True when the file can be read line by line, before it is decoded."""
        return self.encoding is not None and is_bytewise(self.encoding)

    def lines(self) -> CsvLines:
        """The file line by line; only where `by_lines`."""
        return CsvLines(self.path, self.name, self.encoding or "utf-8", self.delimiter)

    def rows(self) -> Rows:
        """Yields (line where the row begins, cells), the header first; raises Refusal."""
        if self.path.suffix.lower() in JSON_SUFFIXES:
            return json_rows(self.path, self.name)
        if self.encoding is None:
            return workbook_rows(self.path, self.name)
        return self._csv_rows(self.encoding)

    def _csv_rows(self, encoding: str) -> Rows:
        with self.path.open(encoding=encoding, newline="") as file:
            reader = csv.reader(file, delimiter=self.delimiter, strict=True)
            before = 0
            try:
                for cells in reader:
                    if cells:
                        yield before + 1, cells
                    before = reader.line_num
            except csv.Error as error:
                code = "too_large" if "field limit" in str(error) else "unclosed_quote"
                raise Refusal(self.name, code, QUOTE_ADVICE, line=before + 1) from None


def open_sheet(path: Path, name: str, *, fallback: str | None, delimiter: str) -> Sheet:
    """Finds out how a file is to be read; raises Refusal (wrong_encoding, cut_last_line, unreadable, empty_file)."""
    if path.stat().st_size == 0:
        raise Refusal(name, "empty_file", "it holds nothing, not even a header; export the file again")
    suffix = path.suffix.lower()
    if suffix in SUFFIXES | JSON_SUFFIXES:
        return Sheet(path, name, None, delimiter)
    if suffix in (".xls", ".ods", ".numbers", ".zip", ".gz"):
        raise Refusal(name, "unreadable", "only CSV, .xlsx and .jsonl are read; save it as one of them")
    return Sheet(path, name, decodable(path, name, fallback), delimiter)

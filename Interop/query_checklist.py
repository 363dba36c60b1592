"""How the checklist of query behaviours is written down, and how one of its rows is judged.

A row is a number of the checklist, a call, and what must come of it. The call gets a `Session`, whose methods have the
short names of the checklist. The outcome is one line of text, which is compared with the expected one:

    4: {1} {2} {3} {4}          four rows in any order: the keys of dimension records
    4 in order: {4} {3} {2} {1} four rows in this order
    1: {detector=1,visit=2}     a data ID, without instrument and skymap
    1: flat@g{2,Cam1-G}         a dataset of type flat in the run imported_g, with its data ID
    1: {'detector': '2', …}     a row of a general result
    46 rows                     only their number
    3, True, None               a value
    InvalidQueryError: …text    an error; its lines and its reasons are joined by ` / `
    … [log: text]               a warning in the client's log
    some error                  any error: the Python software fails with an internal one, or gives no rows at all

The sign … stands for any text. The prefix `imported_` of run names is left out everywhere, in messages too.
"""

import ast
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass

from query_service import IS_REFERENCE

from lsst.daf.butler import DataCoordinate, DatasetRef, DatasetType, DimensionRecord

I = {"instrument": "Cam1"}  # noqa: E741
S = {"skymap": "SkyMap1"}
HSC = {"instrument": "HSC"}
RINGS = {"skymap": "hsc_rings_v1"}
SOME_ERROR = "some error"


@dataclass(frozen=True)
class Row:
    number: str
    call: Callable[["Session"], object]
    expected: str
    repository: str
    defaults: dict

    def __str__(self):
        return self.number


def rows(repository: str, *table, **defaults) -> list[Row]:
    """Rows that run on one repository with the same default collections and data ID."""
    return [Row(str(number), call, expected, repository, defaults) for number, call, expected in table]


class Session:
    """A Butler under the names of the checklist."""

    def __init__(self, butler):
        self.butler = butler
        self.rec = butler.query_dimension_records
        self.ids = butler.query_data_ids
        self.ds = butler.query_datasets
        self.all = butler.query_all_datasets
        self.find = butler.find_dataset
        self.q = self.x = None

    def coordinate(self, **values):
        return DataCoordinate.standardize(values, universe=self.butler.dimensions)

    def datasets_named(self, type_name, dimensions, storage_class):
        return DatasetType(type_name, dimensions, storage_class, universe=self.butler.dimensions)

    def outcome(self, call) -> "Outcome":
        """What comes of a call, made while a query context is open."""
        with Warnings() as warnings:
            try:
                with self.butler.query() as self.q:
                    self.x = self.q.expression_factory
                    outcome = Outcome.of(call(self))
            except Exception as error:  # noqa: BLE001
                outcome = Outcome([f"{type(error).__name__}: {message_of(error)}"], is_error=True)
        outcome.log = "".join(f" [log: {message}]" for message in warnings.messages)
        return outcome


class Warnings(logging.Handler):
    """Collects what the client warns of."""

    def __enter__(self):
        self.messages = []
        self.setLevel(logging.WARNING)
        logging.getLogger("lsst.daf.butler").addHandler(self)
        return self

    def __exit__(self, *_):
        logging.getLogger("lsst.daf.butler").removeHandler(self)

    def emit(self, record):
        self.messages.append(record.getMessage())


# Outcomes


@dataclass
class Outcome:
    """Rows of a result, or a value or an error as a single piece of text."""

    pieces: list[str]
    is_rows: bool = False
    is_error: bool = False
    log: str = ""

    @staticmethod
    def of(value) -> "Outcome":
        if value is None or isinstance(value, bool | int):
            return Outcome([str(value)])
        if isinstance(value, DatasetRef):
            return Outcome([f"{value.datasetType.name}@{value.run} ({str(value.id)[:8]}…)"])
        return Outcome([described(row) for row in value], is_rows=True)

    def text(self, in_order=False) -> str:
        text = self.pieces[0] if self.pieces else ""
        if self.is_rows:
            pieces = self.pieces if in_order else sorted(self.pieces, key=natural)
            separator = " / " if any(" " in piece and piece[0] != "{" for piece in pieces) else " "
            text = f"{len(pieces)}{' in order' if in_order else ''}: {separator.join(pieces)}" if pieces else "0 rows"
        return (text + self.log).replace("imported_", "")


def message_of(error: Exception) -> str:
    if (reasons := getattr(error, "reasons", None)) is not None:
        return " / ".join(reasons)
    message = str(error)
    # A KeyError puts quotes around its text; one that Rubin's server sent has two layers of them.
    while isinstance(error, KeyError) and re.fullmatch(r"'.*'|\".*\"", message, re.DOTALL):
        message = ast.literal_eval(message)
    return message.replace("\n", " / ")


def described(row) -> str:
    if isinstance(row, str):
        return row
    if isinstance(row, DimensionRecord):
        return f"{{{row.dataId[row.definition.name]}}}"
    if isinstance(row, DatasetRef):
        return f"{row.datasetType.name}@{row.run}{{{','.join(str(v) for _, v in visible(row.dataId))}}}"
    if isinstance(row, DataCoordinate):
        return f"{{{','.join(f'{k}={v}' for k, v in visible(row))}}}"
    return str({k: str(v) for k, v in row.items() if k not in ("instrument", "skymap")})


def visible(data_id):
    return [(k, v) for k, v in data_id.required.items() if k not in ("instrument", "skymap")]


def natural(text: str):
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", text)]


def judge(expected: str, outcome: Outcome):
    """Fails unless an outcome is the expected one."""
    got = outcome.text(in_order=" in order:" in expected)
    if expected == SOME_ERROR:
        assert outcome.is_error or (IS_REFERENCE and got == "0 rows"), f"an error was expected, not {got[:500]}"
    elif re.fullmatch(r"\d+ rows", expected):
        found = f"{len(outcome.pieces)} rows" if outcome.is_rows else got
        assert found == expected, got[:500]
    else:
        pattern = ".*".join(map(re.escape, expected.split("…")))
        assert re.fullmatch(pattern, got, re.DOTALL), f"expected: {expected}\n     got: {got[:1000]}"

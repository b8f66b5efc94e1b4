"""Rows of text as a table that fits a terminal. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve, field, frozen

if TYPE_CHECKING:
    from collections.abc import Sequence

_GAP = "  "
_CUT = "…"


@frozen
class Column:
    """One column.

    Attributes:
        title: its head.
        least: characters that must be left when there is little room; None: all.
        right: numbers are, so that they can be compared.
        spare: it is left out when cutting is not enough.
        width: of the longest cell, unless it had to be cut.
    """

    title: str
    least: int | None = None
    right: bool = False
    spare: bool = False
    width: int = field(default=0)

    def cell(self, text: str) -> str:
        """Return a text as wide as the column."""
        if len(text) > self.width:
            text = text[: max(0, self.width - 1)] + _CUT
        return text.rjust(self.width) if self.right else text.ljust(self.width)


def table(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """Return the lines of a table, its head first.

    What may be cut is, until it fits the width; then what can be spared is left out, from the right.
    """
    texts = [[column.title for column in columns], *rows]
    wide = [
        evolve(column, width=max(len(row[number]) for row in texts)) for number, column in enumerate(columns)
    ]
    kept = _kept(wide, width)
    fitted = _fit([wide[number] for number in kept], width)
    return [
        _GAP.join(column.cell(row[number]) for number, column in zip(kept, fitted, strict=True)).rstrip()
        for row in texts
    ]


def _kept(columns: Sequence[Column], width: int) -> list[int]:
    """Return the numbers of the columns for which there is room when all are cut."""
    kept = list(range(len(columns)))
    for number in reversed(kept):
        if _sum([min(columns[one].width, _least(columns[one])) for one in kept]) <= width:
            break
        if columns[number].spare:
            kept.remove(number)
    return kept


def _fit(columns: list[Column], width: int) -> list[Column]:
    """Return the columns, the widest of those that may be cut made narrower until all fit, or none may be."""
    while _sum([column.width for column in columns]) > width:
        loose = [one for one in columns if one.width > _least(one)]
        if not loose:
            break
        widest = max(loose, key=lambda one: one.width)
        columns = [evolve(one, width=one.width - 1) if one is widest else one for one in columns]
    return columns


def _sum(widths: Sequence[int]) -> int:
    return sum(widths) + len(_GAP) * (len(widths) - 1)


def _least(column: Column) -> int:
    return column.width if column.least is None else max(column.least, len(column.title))

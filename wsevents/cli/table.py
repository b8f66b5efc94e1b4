"""Formats rows of text as a table that fits the terminal. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve, field, frozen

if TYPE_CHECKING:
    from collections.abc import Sequence

_GAP = "  "
_ELLIPSIS = "…"


@frozen
class Column:
    """A column of a table.

    Attributes:
        title: heading.
        least: minimum characters of a shortened cell; None: cells are never shortened.
        right: aligned to the right, for numbers.
        spare: omitted if shortening the cells is not enough.
        width: characters of the widest cell, or of the shortened cells.
    """

    title: str
    least: int | None = None
    right: bool = False
    spare: bool = False
    width: int = field(default=0)

    def cell(self, text: str) -> str:
        """Return a text, shortened or padded to the width of the column."""
        if len(text) > self.width:
            text = text[: max(0, self.width - 1)] + _ELLIPSIS
        return text.rjust(self.width) if self.right else text.ljust(self.width)


def table(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """Return the lines of a table, with the headings first.

    If the table is wider than `width`, columns with `least` are shortened, then columns with `spare` are
    omitted, from the right.
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
    """Return the numbers of the columns that fit if all are shortened as much as possible."""
    kept = list(range(len(columns)))
    for number in reversed(kept):
        if _total_width([min(columns[one].width, _least(columns[one])) for one in kept]) <= width:
            break
        if columns[number].spare:
            kept.remove(number)
    return kept


def _fit(columns: list[Column], width: int) -> list[Column]:
    """Shorten the widest column that can be shortened until the columns fit, or none can be shortened."""
    while _total_width([column.width for column in columns]) > width:
        shortenable = [one for one in columns if one.width > _least(one)]
        if not shortenable:
            break
        widest = max(shortenable, key=lambda one: one.width)
        columns = [evolve(one, width=one.width - 1) if one is widest else one for one in columns]
    return columns


def _total_width(widths: Sequence[int]) -> int:
    return sum(widths) + len(_GAP) * (len(widths) - 1)


def _least(column: Column) -> int:
    return column.width if column.least is None else max(column.least, len(column.title))

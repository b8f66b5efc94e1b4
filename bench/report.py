"""Write the table for the terminal and for README.md, and the files with the raw results."""

import json
import re

HEAD = ("measure", "wsevents", "against", "ratio", "bar", "")
BEGIN = "<!-- bench: written by make bench, not by hand -->"
END = "<!-- end of bench -->"
PLOT = "![CPU of the server per delivered event, against the number of peers](bench/results/fanout.svg)"
SECTION = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)


def number(value, unit=""):
    """Return a figure with three significant digits, or with all digits of a larger integer."""
    if value is None:
        return "–"
    digits = 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0
    text = f"{value:.{digits}f}" if value != int(value) else f"{value:.0f}"
    return f"{text} {unit}".strip()


def cells(row):
    """Return the cells of a row, in the order of `HEAD`."""
    figures = number(row.ours, row.unit), number(row.peer, row.unit)
    if row.bar == 0:  # a count of errors, which must be zero
        return (row.what, *figures, "–", "0", row.verdict)
    ratio = "–" if row.ratio is None else f"{row.ratio:.2f} ×"
    return (row.what, *figures, ratio, f"≤ {row.bar:g} ×", row.verdict)


def table(rows):
    """Return the table for the terminal."""
    lines = [HEAD, *map(cells, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = [
        "  ".join(cell.ljust(width) if not at else cell.rjust(width) for at, (cell, width) in enumerate(pair))
        for pair in (list(zip(line, widths, strict=True)) for line in lines)
    ]
    notes = [f"  {row.what}: {row.note}" for row in rows if row.note]
    return "\n".join([*text, *notes])


def markdown(rows, about):
    """Return the section for README.md, with its markers."""
    lines = [
        "| " + " | ".join(HEAD) + " |",
        "|---|---:|---:|---:|---:|---|",
        *("| " + " | ".join(cells(row)) + " |" for row in rows),
    ]
    notes = [f"* {row.what}: {row.note}." for row in rows if row.note]
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    where = f"Measured on {about['date']} on {about['machine']}. {versions}."
    return "\n\n".join([BEGIN, "\n".join(lines), *filter(None, ["\n".join(notes)]), where, PLOT, END])


def put_into(text, section):
    """Return a page with its section replaced. Raises ValueError if it does not have exactly one."""
    if len(SECTION.findall(text)) != 1:
        raise ValueError(f"the page must have one section between {BEGIN!r} and {END!r}")
    return SECTION.sub(lambda _: section, text)


def write(folder, name, plan, about, result):
    """Write the raw results of a measure."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = {"measure": name, **about, "plan": plan, **result.as_json()}
    (folder / f"{name}.json").write_text(json.dumps(whole, indent=1, ensure_ascii=False) + "\n")

"""Tables that fit the terminal."""

from hypothesis import given
from hypothesis import strategies as st

from wsevents.cli.table import Column, table

NAMES = Column("NAME", least=4), Column("N", right=True)


def test_a_table_is_as_narrow_as_its_cells():
    assert table(NAMES, [["jane", "7"], ["bo", "12"]], 80) == ["NAME   N", "jane   7", "bo    12"]


def test_only_columns_with_a_minimum_are_shortened():
    assert table(NAMES, [["a-long-name", "1234567890"]], 17) == ["NAME            N", "a-lo…  1234567890"]


def test_required_columns_stay_even_if_they_do_not_fit():
    assert table(NAMES, [["abcdef", "1234567890"]], 1)[1] == "abc…  1234567890"


def test_spare_columns_are_omitted_if_shortening_is_not_enough():
    columns = Column("A", spare=True), Column("B"), Column("C", spare=True)
    rows = [["aaaa", "bbbb", "cccc"]]
    assert table(columns, rows, 16)[1] == "aaaa  bbbb  cccc"
    assert table(columns, rows, 15)[1] == "aaaa  bbbb"
    assert table(columns, rows, 9)[1] == "bbbb"


@given(
    st.lists(st.tuples(st.text("ab", max_size=40), st.text("12", max_size=6)), max_size=6),
    st.integers(12, 60),
)
def test_every_table_fits(rows, width):
    assert all(len(line) <= width for line in table(NAMES, rows, width))

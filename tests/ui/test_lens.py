"""Tabs, orders and marks."""

from __future__ import annotations

from pulltui.engine.views import PullState, PullView
from pulltui.ui.filter import parse
from pulltui.ui.lens import Lens
from pulltui.ui.marks import Marks
from pulltui.ui.ordering import Order, SortBy, ordered
from pulltui.ui.tab import TAB_OF, Tab, counts
from support.scenes import pull, queue

PULLS = queue().pulls


def ids(pulls: object) -> str:
    return "".join(each.id.removeprefix("pull") for each in pulls)  # type: ignore[attr-defined]


def test_every_state_has_a_tab_and_the_counts_add_up() -> None:
    assert set(TAB_OF) == set(PullState)
    found = counts(PULLS)
    assert found == {Tab.ALL: 8, Tab.ACTIVE: 4, Tab.QUEUED: 2, Tab.DONE: 1, Tab.FAILED: 1}
    assert sum(found.values()) == 2 * found[Tab.ALL]


def test_what_each_order_shows_first() -> None:
    assert ids(ordered(PULLS, Order())) == "12345678"
    assert ids(ordered(PULLS, Order(reverse=True))) == "87654321"
    assert ids(ordered(PULLS, Order(SortBy.SIZE)))[:2] == "21"
    assert ids(ordered(PULLS, Order(SortBy.SIZE, reverse=True)))[0] == "8"
    assert ids(ordered(PULLS, Order(SortBy.SPEED)))[:2] == "12"
    assert ids(ordered(PULLS, Order(SortBy.LEFT)))[:2] == "12", "what nobody knows comes last"
    assert ids(ordered(PULLS, Order(SortBy.STATE)))[0] == "7", "failed first"
    assert ids(ordered(PULLS, Order(SortBy.PERCENT)))[:2] == "38", "equal ones stay in queue order"
    assert ids(ordered(PULLS, Order(SortBy.NAME)))[:2] == "65"


def test_s_goes_through_all_columns_and_back_to_the_queue() -> None:
    order, seen = Order(), []
    for _ in SortBy:
        seen.append(order.by)
        order = order.turned().next()
        assert not order.reverse
    assert seen == list(SortBy) and order == Order()


def test_a_column_that_is_clicked_sorts_turns_and_lets_go() -> None:
    lens, seen = Lens(), []
    for _ in range(3):
        lens.sort_by(SortBy.SIZE)
        seen.append(lens.order)
    assert seen == [Order(SortBy.SIZE), Order(SortBy.SIZE, reverse=True), Order()]


def test_tab_filter_and_order_work_together() -> None:
    lens = Lens()
    lens.tab, lens.filter, lens.order = Tab.ACTIVE, parse("l"), Order(SortBy.SIZE)
    assert ids(lens.shown(PULLS, 0.0)) == "243"


def test_why_pulls_cannot_be_moved() -> None:
    lens = Lens()
    assert lens.why_not_movable == ""
    lens.tab = Tab.QUEUED
    assert "queued" in lens.why_not_movable
    lens.filter = parse("x")
    assert lens.why_not_movable == "filtered"
    lens.order = Order(SortBy.NAME)
    assert lens.why_not_movable == "sorted by name"


def test_marks_count_where_they_are_seen() -> None:
    marks = Marks()
    assert ids(marks.chosen(PULLS, PULLS[0])) == "1" and marks.chosen([], None) == []
    marks.toggle("pull2")
    marks.toggle("pull5")
    assert ids(marks.chosen(PULLS, PULLS[0])) == "25"
    assert ids(marks.chosen(PULLS[:3], PULLS[0])) == "2"
    assert ids(marks.chosen(PULLS[2:4], PULLS[2])) == "3", "hidden marks do not count"
    marks.toggle("pull2")
    assert "pull2" not in marks and "pull5" in marks
    marks.keep(["pull1"])
    assert not marks


def test_marking_all_that_is_shown_and_none() -> None:
    marks = Marks()
    marks.toggle("pull8")
    marks.toggle_all(["pull1", "pull2"])
    assert all(each in marks for each in ("pull1", "pull2", "pull8"))
    marks.toggle_all(["pull1", "pull2"])
    assert "pull1" not in marks and "pull8" in marks
    marks.clear()
    assert not marks


def test_marks_of_pulls_that_are_gone_are_forgotten() -> None:
    lens = Lens()
    lens.marks.toggle("pull3")
    lens.shown([pull(1, "a", PullState.DONE, 1, 1)], 0.0)
    assert not lens.marks


def test_an_order_by_what_changes_all_the_time_stays_for_a_while() -> None:
    def pulls(*rates: float) -> list[PullView]:
        return [
            pull(n, "m", PullState.DOWNLOADING, 10, 5, rate=rate) for n, rate in enumerate(rates, start=1)
        ]

    lens = Lens()
    lens.order = Order(SortBy.SPEED)
    assert ids(lens.shown(pulls(1.0, 2.0), 10.0)) == "21"
    assert ids(lens.shown(pulls(2.0, 1.0), 11.9)) == "21"
    assert ids(lens.shown(pulls(2.0, 1.0), 12.1)) == "12"
    assert ids(lens.shown(pulls(2.0, 1.0, 3.0), 12.2)) == "312", "what is new finds its place at once"
    lens.order = lens.order.turned()
    assert ids(lens.shown(pulls(2.0, 1.0, 3.0), 12.3)) == "213", "and so does another order"

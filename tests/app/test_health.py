from wsevents.app.health import Health, together

UP, DOWN = Health(2, True, ""), Health(1, True, "nobody is there")


def test_one_gateway_in_one_line():
    assert UP.text == "2 peers, bus up"
    assert DOWN.text == "1 peers, bus down: nobody is there"


def test_workers_are_as_one():
    assert together([UP, UP], 2) == Health(4, True, "")
    assert together([UP, DOWN], 2).text == "3 peers, bus down: for 1 of 2 workers: nobody is there"
    assert together([DOWN, DOWN], 2).text == "2 peers, bus down: nobody is there"


def test_the_bus_was_tried_once_it_was_by_all():
    assert not together([UP, Health(0, False, "not yet")], 2).tried
    assert not together([UP], 2).tried
    assert not together([], 2).tried
    assert together([DOWN, UP], 2).tried


def test_workers_that_are_missing_are_said():
    assert together([UP], 3).text == "2 peers, 2 of 3 workers do not serve, bus up"
    assert together([], 2).text == "0 peers, 2 of 2 workers do not serve, bus up"

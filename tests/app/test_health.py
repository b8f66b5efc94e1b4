from wsevents.app.health import Health, combined_health

UP, DOWN = Health(2, True, ""), Health(1, True, "connection refused")


def test_one_gateway_in_one_line():
    assert UP.text == "2 peers, bus up"
    assert DOWN.text == "1 peers, bus down: connection refused"


def test_the_health_of_several_workers_in_one_line():
    assert combined_health([UP, UP], 2) == Health(4, True, "")
    assert combined_health([UP, DOWN], 2).text == "3 peers, bus down: for 1 of 2 workers: connection refused"
    assert combined_health([DOWN, DOWN], 2).text == "2 peers, bus down: connection refused"


def test_the_bus_was_attempted_once_all_workers_have():
    assert not combined_health([UP, Health(0, False, "not yet")], 2).bus_attempted
    assert not combined_health([UP], 2).bus_attempted
    assert not combined_health([], 2).bus_attempted
    assert combined_health([DOWN, UP], 2).bus_attempted


def test_missing_workers_are_counted():
    assert combined_health([UP], 3).text == "2 peers, 2 of 3 workers do not serve, bus up"
    assert combined_health([], 2).text == "0 peers, 2 of 2 workers do not serve, bus up"

from wsevents.workers.liveness import HOPELESS_ROUNDS, SLOW_ROUNDS, STUCK_ROUNDS, Liveness


def after(rounds):
    liveness = Liveness()
    for _ in range(rounds):
        liveness.begin_round()
    return liveness


def rounds_with(name, rounds):
    """Return the rounds, without an answer, in which the property is true."""
    liveness, found = Liveness(), []
    for number in range(1, rounds + 1):
        liveness.begin_round()
        if getattr(liveness, name):
            found.append(number)
    return found


def test_a_worker_that_answers_in_each_round_is_fine():
    liveness = Liveness()
    for _ in range(10 * HOPELESS_ROUNDS):
        liveness.begin_round()
        assert not (liveness.slow or liveness.stuck or liveness.hopeless)
        liveness.answered()


def test_without_answers_a_worker_is_slow_once_then_stuck_once_then_hopeless():
    assert rounds_with("slow", 2 * HOPELESS_ROUNDS) == [SLOW_ROUNDS + 1]
    assert rounds_with("stuck", 2 * HOPELESS_ROUNDS) == [STUCK_ROUNDS + 1]
    assert rounds_with("hopeless", HOPELESS_ROUNDS + 2) == [HOPELESS_ROUNDS + 1, HOPELESS_ROUNDS + 2]
    assert SLOW_ROUNDS < STUCK_ROUNDS < HOPELESS_ROUNDS


def test_an_answer_resets_the_count():
    liveness = after(STUCK_ROUNDS)
    liveness.answered()
    liveness.begin_round()
    assert not (liveness.slow or liveness.stuck or liveness.hopeless)

from wsevents.workers.liveness import HOPELESS_ROUNDS, SLOW_ROUNDS, STUCK_ROUNDS, Liveness


def after(rounds):
    liveness = Liveness()
    for _ in range(rounds):
        liveness.begin_round()
    return liveness


def told(which, rounds):
    """Return in which rounds it is so."""
    liveness, found = Liveness(), []
    for number in range(1, rounds + 1):
        liveness.begin_round()
        if getattr(liveness, which):
            found.append(number)
    return found


def test_who_answers_in_each_round_is_left_in_peace():
    liveness = Liveness()
    for _ in range(10 * HOPELESS_ROUNDS):
        liveness.begin_round()
        assert not (liveness.slow or liveness.stuck or liveness.hopeless)
        liveness.answered()


def test_who_is_silent_is_slow_then_stuck_each_said_once_and_then_hopeless_for_ever():
    assert told("slow", 2 * HOPELESS_ROUNDS) == [SLOW_ROUNDS + 1]
    assert told("stuck", 2 * HOPELESS_ROUNDS) == [STUCK_ROUNDS + 1]
    assert told("hopeless", HOPELESS_ROUNDS + 2) == [HOPELESS_ROUNDS + 1, HOPELESS_ROUNDS + 2]
    assert SLOW_ROUNDS < STUCK_ROUNDS < HOPELESS_ROUNDS


def test_an_answer_makes_up_for_all_silence():
    liveness = after(STUCK_ROUNDS)
    liveness.answered()
    liveness.begin_round()
    assert not (liveness.slow or liveness.stuck or liveness.hopeless)

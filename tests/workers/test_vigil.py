from wsevents.workers.vigil import HOPELESS_ROUNDS, SLOW_ROUNDS, STUCK_ROUNDS, Vigil


def after(rounds):
    vigil = Vigil()
    for _ in range(rounds):
        vigil.begin_round()
    return vigil


def told(which, rounds):
    """Return in which rounds it is so."""
    vigil, found = Vigil(), []
    for number in range(1, rounds + 1):
        vigil.begin_round()
        if getattr(vigil, which):
            found.append(number)
    return found


def test_who_answers_in_each_round_is_left_in_peace():
    vigil = Vigil()
    for _ in range(10 * HOPELESS_ROUNDS):
        vigil.begin_round()
        assert not (vigil.slow or vigil.stuck or vigil.hopeless)
        vigil.answered()


def test_who_is_silent_is_slow_then_stuck_each_said_once_and_then_hopeless_for_ever():
    assert told("slow", 2 * HOPELESS_ROUNDS) == [SLOW_ROUNDS + 1]
    assert told("stuck", 2 * HOPELESS_ROUNDS) == [STUCK_ROUNDS + 1]
    assert told("hopeless", HOPELESS_ROUNDS + 2) == [HOPELESS_ROUNDS + 1, HOPELESS_ROUNDS + 2]
    assert SLOW_ROUNDS < STUCK_ROUNDS < HOPELESS_ROUNDS


def test_an_answer_makes_up_for_all_silence():
    vigil = after(STUCK_ROUNDS)
    vigil.answered()
    vigil.begin_round()
    assert not (vigil.slow or vigil.stuck or vigil.hopeless)

"""A process that does nothing else for a while finds its beat late."""

from twisted.internet.task import Clock

from wsevents.admin.stall_detector import BEAT_SECONDS, LATE_SECONDS, StallDetector


def test_what_comes_late_is_counted_with_how_late_it_is():
    clock = Clock()
    pulse = StallDetector(clock)
    pulse.startService()
    clock.advance(BEAT_SECONDS)
    clock.advance(BEAT_SECONDS + LATE_SECONDS / 2)
    assert (pulse.stalls, pulse.stalled) == (0, 0.0)
    clock.advance(BEAT_SECONDS + 2.0)
    assert pulse.stalls == 1
    assert abs(pulse.stalled - 2.0) < 1e-6
    clock.advance(BEAT_SECONDS)
    assert pulse.stalls == 1
    pulse.stopService()
    assert not clock.getDelayedCalls()

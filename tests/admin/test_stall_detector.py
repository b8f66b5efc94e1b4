"""A blocked event loop makes the ticks late."""

from twisted.internet.task import Clock

from wsevents.admin.stall_detector import INTERVAL_SECONDS, STALL_SECONDS, StallDetector


def test_late_ticks_are_counted_with_their_delay():
    clock = Clock()
    detector = StallDetector(clock)
    detector.startService()
    clock.advance(INTERVAL_SECONDS)
    clock.advance(INTERVAL_SECONDS + STALL_SECONDS / 2)
    assert (detector.stalls, detector.stalled) == (0, 0.0)
    clock.advance(INTERVAL_SECONDS + 2.0)
    assert detector.stalls == 1
    assert abs(detector.stalled - 2.0) < 1e-6
    clock.advance(INTERVAL_SECONDS)
    assert detector.stalls == 1
    detector.stopService()
    assert not clock.getDelayedCalls()

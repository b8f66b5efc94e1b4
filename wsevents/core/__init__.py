"""Pure logic: no I/O, no clock, no Twisted. Tests of these modules need values only."""

"""Pure logic: no I/O, no clock, no Twisted. Every module can be tested with values alone."""

"""`python -m wsevents.cli`: the same as `wsevents`."""

from wsevents.cli import main

main(prog_name="wsevents")

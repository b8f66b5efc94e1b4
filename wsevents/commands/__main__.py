"""`python -m wsevents.commands`: the same as `wsevents`."""

from wsevents.commands import main

main(prog_name="wsevents")

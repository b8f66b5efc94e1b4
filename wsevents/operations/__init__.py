"""What an operator sees of a gateway that runs, and may do to it."""

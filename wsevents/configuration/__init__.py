"""What the operator has written, as one checked value; every mistake named by file and key."""

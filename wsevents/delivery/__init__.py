"""The hot path: from an event of the bus to the bytes that each peer is sent."""

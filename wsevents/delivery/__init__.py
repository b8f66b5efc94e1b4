"""The hot path: from a delivery of the bus to the bytes for each peer."""

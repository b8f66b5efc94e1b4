"""The plain HTTP side of the gateway: the live page, and `POST /publish` for trying out events."""

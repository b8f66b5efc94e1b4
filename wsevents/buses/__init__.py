"""The buses, which deliver events to the gateway: one module or package per kind of bus."""

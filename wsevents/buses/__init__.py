"""Where events come from: one module or package per kind of bus."""

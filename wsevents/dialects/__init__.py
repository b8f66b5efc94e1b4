"""The protocols that peers speak: one module or package each, all of them without I/O."""

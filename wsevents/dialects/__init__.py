"""The protocols that peers speak: one package each. Only a module `authority` does I/O."""

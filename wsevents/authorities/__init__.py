"""The authorities that dialects name: each is made from its dialect's section of the configuration."""

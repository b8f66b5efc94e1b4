"""The log: records, levels, sinks, deduplication and redaction."""

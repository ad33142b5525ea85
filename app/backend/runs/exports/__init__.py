"""Files of a run's log; each format is a module, and only a way to write the same events."""

"""Measurements: each module is a script, `python -m bench.<name>`; `make bench` runs them all."""

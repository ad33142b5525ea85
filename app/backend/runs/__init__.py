"""Runs, their event log, and their execution."""

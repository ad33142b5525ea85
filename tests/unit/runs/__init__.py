"""Tests of runs, without any."""

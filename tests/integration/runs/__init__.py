"""Tests of runs on the real parts."""

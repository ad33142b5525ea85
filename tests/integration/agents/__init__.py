"""Tests of agents on the real parts."""

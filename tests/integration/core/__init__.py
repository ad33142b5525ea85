"""Tests of the core on real parts."""

"""Tests of conversations on the real parts."""

"""Tests of identity on real rows."""

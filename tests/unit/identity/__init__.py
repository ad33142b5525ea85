"""Tests of identity that need no database."""

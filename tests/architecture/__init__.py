"""Tests of the rules that the code is written by."""

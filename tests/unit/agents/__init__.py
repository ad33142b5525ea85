"""Tests of agents, without any."""

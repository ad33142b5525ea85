"""Fakes for unit tests; each passes the contract test of the real part."""

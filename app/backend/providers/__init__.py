"""Chat model providers behind one registry."""

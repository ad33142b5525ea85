"""Takes away each guard of isolation in turn, and looks whether a test notices: `make mutants`, see docs/security.md."""

"""A quick pass of the fault suite; `make chaos` tries each fault as often as it must hold."""

"""The isolation prover, `atelier doctor --isolation`: a stranger attacks all that somebody owns, by every door there is."""

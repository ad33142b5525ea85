"""Small React widgets for what Reflex cannot draw."""

"""How much may be spent on models: by whom, on what, in which time, and what happens then."""

"""Tools that come with the installation: one module each, with a `get_functions`."""

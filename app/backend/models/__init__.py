"""Which model a name such as provider/model means."""

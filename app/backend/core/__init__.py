"""What every domain stands on: settings, database, errors, ids, events."""

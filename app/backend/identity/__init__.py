"""Who is asking: users, sessions, API keys, permissions, audit."""

"""One module per kind of service that answers chats."""

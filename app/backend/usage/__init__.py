"""What models are used for, what it costs, and how far it may go."""

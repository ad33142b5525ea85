"""What an administrator sees and does: workers, queues, storage, and what keeps them going."""

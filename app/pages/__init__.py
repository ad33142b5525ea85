"""Pages place components; nothing else."""

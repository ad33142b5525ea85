"""Process entry points: worker, scheduler, runtime."""

"""Plain building blocks; they import no state."""

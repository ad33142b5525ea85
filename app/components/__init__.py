"""Views: functions that take vars and handlers and return components."""

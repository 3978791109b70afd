"""Views and moving elements."""

"""Joining, splitting and repeating."""

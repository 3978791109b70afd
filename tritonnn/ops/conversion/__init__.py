"""Copies and conversions."""

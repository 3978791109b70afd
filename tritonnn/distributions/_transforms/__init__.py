"""Invertible maps of random variables, a file a kind."""

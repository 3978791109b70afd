"""Configurations as data per family and architecture, and the pure functions that choose one."""

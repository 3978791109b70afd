"""Resizing and sampling of images and other grids."""

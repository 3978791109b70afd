"""Bessel functions, incomplete gamma functions and orthogonal polynomials."""

"""Special functions of physics and statistics: Bessel's, incomplete gamma functions, orthogonal polynomials."""

"""Recurrent networks: layers over whole sequences, and single cells."""

"""Demonstration estates: data files and the loader that brings them in through the same services as a real site."""

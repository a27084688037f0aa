"""Tariffs: what a unit costs, why, and since when. The arithmetic is pure; versions and publication are rows."""

"""Pages of the auditor: read only; checks, trail, books, and the proof to take away."""

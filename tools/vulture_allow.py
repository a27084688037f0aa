"""Names that look dead and are not: arguments that a protocol fixes. One line each, with the reason."""

"""`ampoule doctor`: looks at everything that a site needs, and says what is not as it should be and what to do next."""

"""The sandbox: a site that is none. Reserved meter numbers produce each outcome; no key, no money, no real meter behind it."""

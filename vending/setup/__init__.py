"""`ampoule setup`: the first installation of a site, in a terminal or from a file, and on from where it was when it is cut off."""

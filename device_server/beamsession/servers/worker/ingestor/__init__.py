"""A session's way to the catalogue by a program of the site, which is called once."""

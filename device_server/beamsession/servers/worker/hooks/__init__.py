"""Programs of the site that run because something happened."""

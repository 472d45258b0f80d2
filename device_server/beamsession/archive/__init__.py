"""What a session leaves on disk besides its data: the record that explains its folder without any database."""

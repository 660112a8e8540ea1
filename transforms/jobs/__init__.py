"""Which buying job a touchpoint serves: the rules, and the file that they stand in."""

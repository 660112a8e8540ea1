"""What tracked app events of any make have in common: what their names say, items of plans."""

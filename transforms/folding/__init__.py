"""Witnesses to touchpoints: which events belong together, who took part, whose they are, what they say."""

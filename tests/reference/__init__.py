"""Slow and obvious references of the marts: loops over the rows of facts and dimensions, one sentence of the definitions at a time."""

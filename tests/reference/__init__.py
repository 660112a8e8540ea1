"""The coverage marts once more, slow and obvious: loops over the rows of facts and dimensions, written from the definitions alone."""

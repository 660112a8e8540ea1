"""A slow and obvious reference of folding and identity: plain loops over normalised events, one sentence of the definitions at a time.

Written without the product's code: of that it takes what adapters made (events, with their parties), and the rules' words.
"""

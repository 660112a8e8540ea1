"""Where one record ends and the next begins, and what was put around it: bytes to frames, before any source looks at them."""

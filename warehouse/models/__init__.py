"""The SQL models; a package, so that its files are installed. See ``warehouse.marts``."""

"""One small reader per published format: each lists the keys that it needs and takes sizes from shapes."""

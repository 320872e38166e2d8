"""One small reader per published format. Each lists the keys that it needs and takes all sizes from shapes."""

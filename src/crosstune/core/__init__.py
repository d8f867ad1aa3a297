"""Values that every room shares: errors, decisions, metrics, options. No torch."""

"""Feature rows to predictions: the bundle, sessions, caches, batching, the service."""

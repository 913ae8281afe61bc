"""Use cases: read, call a pure part, store; they never commit."""

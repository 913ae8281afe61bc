"""The spatial API."""

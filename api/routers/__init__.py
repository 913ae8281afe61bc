"""The rooms of the API, one module per noun."""

"""The HTTP API and the pages of Wangge, on FastAPI; ``api.app.create_app`` builds it."""

# The API and the command line in one image: `wangge serve`, `wangge db migrate`.
# How it may listen beyond loopback: docs/adr/003-the-api-in-a-container.md.

FROM python:3.11.14-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    UV_COMPILE_BYTECODE=1 \
    UV_LINK_MODE=copy \
    UV_NO_CACHE=1 \
    UV_PYTHON_DOWNLOADS=never
RUN pip install uv==0.13.9
WORKDIR /app

# The dependencies first: this layer is kept until the lock changes.
COPY pyproject.toml uv.lock ./
RUN uv sync --frozen --no-default-groups --group assets --no-install-project

# Then the browser libraries, which the wheel takes in, and the project itself without npm.
COPY . .
RUN .venv/bin/python -m maps.assets \
    && uv sync --frozen --no-default-groups --no-editable


FROM python:3.11.14-slim-bookworm
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/wangge wangge \
    # A volume mounted here is its user's own.
    && install --directory --owner=wangge --mode=700 /var/lib/wangge/uploads
# At the path it was made at: a virtual environment cannot be moved.
COPY --from=build /app/.venv /app/.venv
ENV PATH=/app/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    WANGGE_HOME=/var/lib/wangge \
    WANGGE_LOG_FORMAT=json
USER wangge
WORKDIR /var/lib/wangge
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["wangge", "serve"]

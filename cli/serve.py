"""``wangge serve``: the API and the maps over HTTP; from afar everybody is asked who they are."""

import contextlib
from typing import TYPE_CHECKING, Annotated

import typer

from gis.errors import ConfigurationError, WanggeError
from gis.settings import get_settings

if TYPE_CHECKING:
    import socket

    from fastapi import FastAPI

    from gis.settings import Settings

app = typer.Typer()
#: What the server reads of a request's head before it gives up.
_MOST_HEADER_BYTES = 32 * 1024


@app.command()
def serve(
    *,
    host: Annotated[
        str | None, typer.Option(help="Address to listen on; WANGGE_HOST if unset.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Port; WANGGE_PORT if unset; 0 takes a free one."),
    ] = None,
) -> None:
    """Serve the API and the maps until Ctrl-C."""
    given = {"host": host, "port": port}
    serve_app(get_settings().model_copy(update={k: v for k, v in given.items() if v is not None}))


def serve_app(settings: "Settings") -> None:
    """Serve an application until it is interrupted, and print where it is.

    Raises
    ------
    gis.errors.ConfigurationError
        The address is taken.
    """
    import uvicorn

    from api.app import create_app
    from gis.logs import configure_logs

    configure_logs()  # a server says what it is asked; a command only what it answers
    with _door(settings) as door:
        application = create_app(settings)
        config = uvicorn.Config(
            application,
            access_log=False,  # the application writes a line of its own, without the query
            log_config=None,
            server_header=False,
            proxy_headers=False,
            lifespan="on",
            http="h11",
            h11_max_incomplete_event_size=_MOST_HEADER_BYTES,
        )
        typer.echo(
            f"Wangge serves on {_address(settings.host, door.getsockname()[1])} (Ctrl-C ends it)"
        )
        for warning in warnings_of(settings, has_admin=_has_admin(application)):
            typer.echo(warning, err=True)
        with contextlib.suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[door])
    typer.echo("Stopped.")


def warnings_of(settings: "Settings", *, has_admin: bool) -> list[str]:
    """Return what to tell somebody whose server can be reached from other machines."""
    from api.security.network import is_loopback

    if is_loopback(settings.host) and not settings.allow_non_loopback:
        return []
    told = []
    if not has_admin:
        told.append(
            "There is no admin yet: everybody who reaches this server sees what a viewer sees, "
            "and nothing can be changed. Make one: wangge user add NAME --role admin"
        )
    if not settings.https:
        told.append(
            "Passwords are sent as they are: let a proxy in front end HTTPS, and set "
            "WANGGE_HTTPS=true."
        )
    return told


def _has_admin(application: "FastAPI") -> bool:
    """Return whether there is an admin; a database that does not answer is told by the server."""
    try:
        found: bool = application.state.gate.identities.has_admin()
    except WanggeError:
        return True
    return found


def _door(settings: "Settings") -> "socket.socket":
    """Return a listening socket, so that the port is known before anything is said."""
    from api.listening import listen

    try:
        return listen(settings.host, settings.port)
    except OSError as error:
        raise ConfigurationError(
            f"Cannot listen on {_address(settings.host, settings.port)}: {error.strerror}.",
            remedy="Choose another port with --port; 0 takes a free one.",
        ) from error


def _address(host: str, port: int) -> str:
    name = f"[{host.strip('[]')}]" if ":" in host else host
    return f"http://{name}:{port}"

"""``wangge serve``: the API and the maps over HTTP, on this machine only."""

import contextlib
import ipaddress
import socket
from typing import TYPE_CHECKING, Annotated

import typer

from gis.errors import ConfigurationError
from gis.settings import get_settings

if TYPE_CHECKING:
    from gis.settings import Settings

app = typer.Typer()


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
        The address is not one of loopback, or is taken.
    """
    import uvicorn

    from api.app import create_app
    from gis.logs import configure_logs

    configure_logs()  # a server says what it is asked; a command only what it answers
    refuse_other_machines(settings)
    with _door(settings) as door:
        application = create_app(settings)
        config = uvicorn.Config(
            application,
            access_log=False,  # the application writes a line of its own, without the query
            log_config=None,
            server_header=False,
            proxy_headers=False,
            lifespan="on",
        )
        typer.echo(
            f"Wangge serves on {_address(settings.host, door.getsockname()[1])} (Ctrl-C ends it)"
        )
        with contextlib.suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[door])
    typer.echo("Stopped.")


def refuse_other_machines(settings: "Settings") -> None:
    """Refuse an address that other machines can reach: nobody is asked who they are yet.

    Raises
    ------
    gis.errors.ConfigurationError
        It is not an address of loopback.
    """
    if not (settings.allow_non_loopback or _is_loopback(settings.host)):
        raise ConfigurationError(
            f"{settings.host} can be reached from other machines, and there is no access control.",
            remedy="Use 127.0.0.1, and an ssh tunnel from another machine; or set "
            "WANGGE_ALLOW_NON_LOOPBACK=true where something else keeps strangers out.",
        )


def _is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _door(settings: "Settings") -> socket.socket:
    """Return a listening socket, so that the port is known before anything is said."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host.strip("[]"), settings.port), family=family)
    except OSError as error:
        raise ConfigurationError(
            f"Cannot listen on {_address(settings.host, settings.port)}: {error.strerror}.",
            remedy="Choose another port with --port; 0 takes a free one.",
        ) from error


def _address(host: str, port: int) -> str:
    name = f"[{host.strip('[]')}]" if ":" in host else host
    return f"http://{name}:{port}"

"""``wangge role``: the roles, and what each may do; the table is in the code."""

from typing import Annotated

import typer

from gis.access import Role

app = typer.Typer(name="role", help="Roles: what each may do in its areas.")


@app.command("list")
def list_roles() -> None:
    """Show the matrix of roles and permissions."""
    from cli.access_views import show_matrix

    show_matrix()


@app.command("show")
def show_role(role: Annotated[Role, typer.Argument(help="One of the roles.")]) -> None:
    """Show what a role may do, in words."""
    from cli.access_views import show_one_role

    show_one_role(role)

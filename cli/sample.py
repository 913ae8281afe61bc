"""``wangge sample``: write the made-up subdistrict to files."""

from pathlib import Path
from typing import Annotated

import typer

from gis.samples import (
    DEFAULT_HOUSEHOLDS,
    DEFAULT_SEED,
    LARGEST_HOUSEHOLDS,
    SMALLEST_HOUSEHOLDS,
    generate_subdistrict,
)
from gis.services.samples import write_sample


def sample(
    out: Annotated[Path, typer.Option(help="Folder to make; it must be new or empty.")],
    seed: Annotated[
        int, typer.Option(min=0, help="The same seed gives the same city.")
    ] = DEFAULT_SEED,
    households: Annotated[
        int,
        typer.Option(
            min=SMALLEST_HOUSEHOLDS,
            max=LARGEST_HOUSEHOLDS,
            help="Households of the whole subdistrict.",
        ),
    ] = DEFAULT_HOUSEHOLDS,
) -> None:
    """Write the made-up sample subdistrict as GeoPackage and CSV, all or nothing."""
    from rich.console import Console

    console = Console(stderr=True)
    with console.status("Drawing the sample …") as status:
        dataset = generate_subdistrict(households=households, seed=seed)
        files = write_sample(dataset, out, progress=lambda name: status.update(f"Writing {name} …"))
    for file in files:
        typer.echo(f"{file}\t{file.stat().st_size / 1e6:.2f} MB")

"""``python -m maps.assets``: install the browser libraries that maps are made with."""

import sys

from gis.errors import WanggeError
from maps.assets import installed_versions
from maps.assets.install import install


def main() -> int:
    """Install what is missing, say what is there, and return the exit status."""
    try:
        changed = install(force="--force" in sys.argv[1:])
    except WanggeError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted: the browser libraries are as they were before.\n")
        return 130
    versions = ", ".join(f"{name} {version}" for name, version in installed_versions().items())
    sys.stdout.write(f"Browser libraries {'installed' if changed else 'up to date'}: {versions}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

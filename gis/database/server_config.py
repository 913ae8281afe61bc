"""The private cluster's configuration, written anew at each start."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

USER = "wangge"
PORT = 5432

# Small enough for a laptop, enough for a city: a connection is about 10 MB.
SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "256MB",
    "max_wal_size": "2GB",
    "random_page_cost": "1.1",
    "jit": "off",  # compiling costs more than it saves on queries of milliseconds
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %d ",
    "lc_messages": "C",
    # A refused row and its statement hold what somebody wrote; the log must not.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
}
# For hundreds of databases that are thrown away: autovacuum would visit each of them every minute.
NOT_DURABLE = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "checkpoint_timeout": "1h",
    "autovacuum": "off",
}


def write_config(
    folder: "Path", data: "Path", socket_dir: "Path", *, system_user: str, durable: bool
) -> "Path":
    """Write ``postgresql.conf``, ``pg_hba.conf`` and ``pg_ident.conf``; return the first.

    At each start, because a newer Wangge may know better.

    Parameters
    ----------
    folder
        Where they go; made if missing.
    data
        The data folder: what initdb found out about this machine (kind of shared memory, text
        search) holds unless it is set here.
    socket_dir
        Where the server listens.
    system_user
        Who runs the server: the only system user beside root that ``peer`` lets in.
    durable
        ``False`` switches off what only a store that is kept needs: fsync, autovacuum.
    """
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    values = SETTINGS | ({} if durable else NOT_DURABLE)
    values |= {
        "unix_socket_directories": '"' + str(socket_dir).replace('"', '""') + '"',
        "hba_file": str(folder / "pg_hba.conf"),
        "ident_file": str(folder / "pg_ident.conf"),
    }
    found = _quoted(str(data / "postgresql.conf"))
    lines = [f"include_if_exists '{found}'"]
    lines += [f"{key} = '{_quoted(value)}'" for key, value in values.items()]
    users = dict.fromkeys(("root", system_user))
    texts = {
        "postgresql.conf": "\n".join(lines),
        "pg_hba.conf": f"local all {USER} peer map={USER}",
        "pg_ident.conf": "\n".join(f'{USER} "{user}" {USER}' for user in users),
    }
    for name, text in texts.items():
        (folder / name).write_text(
            f"# Written by Wangge at each start; edits are lost.\n{text}\n", encoding="utf-8"
        )
        (folder / name).chmod(0o644)
    return folder / "postgresql.conf"


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "''")

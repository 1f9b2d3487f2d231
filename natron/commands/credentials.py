"""``natron secrets``: what an installation needs beside its settings."""

from pathlib import Path

import typer

from natron.commands.options import Assignments, Config
from natron.environment import read_settings


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("secrets")(make_secrets)


def make_secrets(
    folder: Path = typer.Option(Path("deploy/secrets"), "--folder", help="a file a secret, and the broker's ACL file"),
    config: Config = None,
    assignments: Assignments = None,
) -> None:
    """Make the passwords of the broker's users, its ACL file and the keys of the HTTP doors; what is there is kept."""
    from shared.acl import write_secrets
    from shared.names import Names

    fresh = write_secrets(folder, Names(read_settings(config, assignments).system.namespace))
    print(f"{folder}: made {', '.join(fresh) or 'nothing new'}; users.acl is written")

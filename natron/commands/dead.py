"""Dead letters: what could not be processed."""

import json

import typer

from natron.commands.options import Assignments, Broker, Config, Json
from natron.environment import find_system, read_settings

app = typer.Typer(help="Dead letters: what could not be processed, with its reason.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Dead letters: what could not be processed, with its reason."""


@app.command("list")
def list_letters(
    config: Config = None,
    assignments: Assignments = None,
    broker: Broker = None,
    as_json: Json = False,
) -> None:
    """Print the dead letters kept, partition by partition, oldest first."""
    from shared.broker import connect
    from shared.dead_letters import dead_letters
    from shared.names import Names

    settings = find_system(read_settings(config, assignments, system__broker_url=broker))
    letters = dead_letters(connect(settings.system.broker_url), Names(settings.system.namespace))
    if as_json:
        for letter in letters:
            print(json.dumps(letter.document))
        return
    for letter in letters:
        print(f"{letter.id}  {letter.reason}  {letter.origin} {letter.origin_id}  {letter.stage}: {letter.detail}")

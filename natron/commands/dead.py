"""Dead letters: what could not be processed."""

import json
from typing import TYPE_CHECKING

import typer

from natron.commands.options import Assignments, Broker, Config, Json
from natron.environment import open_system, read_settings
from shared.errors import InputError

if TYPE_CHECKING:
    import redis

    from shared.dead_letters import DeadLetter
    from shared.names import Names

_Letters = typer.Argument(None, metavar="[PARTITION/ID]...", help="as `natron dead list` shows them")
_ReasonOption = typer.Option(None, "--reason", help="only those of this reason: junk, repeat, failed")
_Every = typer.Option(False, "--all", help="every one that is kept")

app = typer.Typer(help="Dead letters: what could not be processed, with its reason.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Dead letters: what could not be processed, with its reason."""


@app.command("list")
def list_letters(
    reason: str | None = _ReasonOption,
    config: Config = None,
    assignments: Assignments = None,
    broker: Broker = None,
    as_json: Json = False,
) -> None:
    """Print the dead letters kept, partition by partition, oldest first."""
    from shared.dead_letters import dead_letters

    for letter in dead_letters(*open_system(read_settings(config, assignments, system__broker_url=broker))):
        if reason not in {None, letter.reason}:
            continue
        if as_json:
            print(json.dumps(letter.document))
        else:
            place = f"{letter.partition}/{letter.id}"
            print(f"{place}  {letter.reason}  {letter.origin} {letter.origin_id}  {letter.stage}: {letter.detail}")


@app.command()
def show(
    letter: str = typer.Argument(metavar="PARTITION/ID"),
    config: Config = None,
    assignments: Assignments = None,
    broker: Broker = None,
) -> None:
    """Print all of one dead letter as JSON, and what happens ``now`` when its entry is run again, writing nothing."""
    from natron.dead_trial import try_again

    settings = read_settings(config, assignments, system__broker_url=broker)
    client, names = open_system(settings)
    (one,) = _chosen(client, names, [letter], None, every=False)
    print(json.dumps(one.document | {"now": try_again(client, names, settings, one)}, indent=1))


@app.command()
def requeue(
    letters: list[str] | None = _Letters,
    reason: str | None = _ReasonOption,
    every: bool = _Every,
    config: Config = None,
    assignments: Assignments = None,
    broker: Broker = None,
) -> None:
    """Give candles a second chance, through admission; one that its series has gone past comes back as a repeat."""
    from shared.admission import Admission, AdmissionLimits
    from shared.clock import SystemClock
    from shared.requeue import requeue as put_back

    settings = read_settings(config, assignments, system__broker_url=broker)
    client, names = open_system(settings)
    admission = Admission(client, names, SystemClock(), AdmissionLimits.of(settings.system))
    for one in _chosen(client, names, letters, reason, every=every):
        print(f"{one.partition}/{one.id}: {put_back(client, names, one, admission)}")


@app.command()
def purge(
    letters: list[str] | None = _Letters,
    reason: str | None = _ReasonOption,
    every: bool = _Every,
    config: Config = None,
    assignments: Assignments = None,
    broker: Broker = None,
) -> None:
    """Remove dead letters for good."""
    from shared import dead_letters

    client, names = open_system(read_settings(config, assignments, system__broker_url=broker))
    print(f"purged: {dead_letters.purge(client, names, _chosen(client, names, letters, reason, every=every))}")


def _chosen(
    client: "redis.Redis", names: "Names", places: list[str] | None, reason: str | None, *, every: bool
) -> "list[DeadLetter]":
    """The letters that a command line names."""
    from shared.contracts import PARTITIONS
    from shared.dead_letters import dead_letters, find_letter

    if not places and not every and reason is None:
        raise InputError("letters", "", "must be named", "give PARTITION/ID, --reason or --all")
    if not places:
        return [one for one in dead_letters(client, names) if reason in {None, one.reason}]
    chosen = []
    for place in places:
        partition, _, letter_id = place.partition("/")
        if not partition.isdecimal() or int(partition) >= PARTITIONS or not letter_id:
            raise InputError("letter", place, "must read PARTITION/ID", "`natron dead list` shows them so")
        chosen.append(find_letter(client, names, int(partition), letter_id))
    return chosen

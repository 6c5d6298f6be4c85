"""What holds of an entity, of all that was ever said of it. Pure: the order of the observations does not matter.

For each field a correction beats a structured record, which beats an extraction; within a kind the newest wins, and of
two at the same moment the one with the greater id. The newest deletion or restoration decides whether it is deleted.
"""

from collections.abc import Iterable

from neotoma.memory.model import KINDS, Observation, Snapshot, SnapshotField

RANKS = {kind: rank for rank, kind in enumerate(KINDS)}
SPEAKING = ("extracted", "structured", "correction")
"""The kinds that say something of fields. An entity of which nothing is said any more is gone."""


def fold(observations: Iterable[Observation]) -> Snapshot:
    """The snapshot. Folding the winners of some observations with others is folding them all."""
    winners: dict[str, Observation] = {}
    last: Observation | None = None
    for observation in observations:
        if observation.kind not in SPEAKING:
            last = observation if last is None else max(last, observation, key=_moment)
            continue
        for name in observation.fields:
            winners[name] = max(winners.get(name, observation), observation, key=precedence)
    fields = {name: _field(winners[name], name) for name in sorted(winners)}
    return Snapshot(fields, deleted=last is not None and last.kind == "deletion")


def precedence(observation: Observation) -> tuple[int, object, str]:
    """Sorts observations of a field; the greatest wins."""
    return (RANKS[observation.kind], *_moment(observation))


def winners(snapshot: Snapshot) -> frozenset[str]:
    """The ids of the observations that a snapshot comes from, its deletion aside."""
    return frozenset(field.observation_id for field in snapshot.fields.values())


def _moment(observation: Observation) -> tuple[object, str]:
    return (observation.observed_at, observation.id)


def _field(observation: Observation, name: str) -> SnapshotField:
    said = observation.fields[name]
    return SnapshotField(said.value, said.type, observation.id)

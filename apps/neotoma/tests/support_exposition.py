"""A strict reader of the Prometheus text format, version 0.0.4; what it does not know is an error."""

import re
from dataclasses import dataclass, field

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)\}})? (-?[0-9.e+-]+|\+Inf|-Inf|NaN)")
PAIR = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"')
Labels = frozenset[tuple[str, str]]


@dataclass
class Family:
    """All samples of one metric; those of a histogram have the endings ``_bucket``, ``_sum`` and ``_count``."""

    type: str = ""
    help: str = ""
    samples: dict[tuple[str, Labels], float] = field(default_factory=dict)

    def value(self, ending: str = "", **labels: str) -> float:
        """The one sample with this ending and, among others, these labels."""
        found = [
            value
            for (name, has), value in self.samples.items()
            if name == ending and labels.items() <= dict(has).items()
        ]
        assert len(found) == 1, found
        return found[0]


def read(text: str) -> dict[str, Family]:
    """The families by name. Raises AssertionError for anything that the format does not allow."""
    assert text.endswith("\n")
    families: dict[str, Family] = {}
    current = ""
    for line in text.removesuffix("\n").split("\n"):
        if line.startswith("# "):
            _, keyword, name, rest = line.split(" ", 3)
            assert keyword in ("HELP", "TYPE")
            assert re.fullmatch(NAME, name)
            if name != current:
                assert name not in families, f"{name} in two places"
            current = name
            family = families.setdefault(name, Family())
            assert not family.samples, f"{line} after its samples"
            assert not getattr(family, keyword.lower()), f"{line} twice"
            setattr(family, keyword.lower(), rest)
        else:
            _sample(families[current], current, line)
    for name, family in families.items():
        assert family.type in ("counter", "gauge", "histogram")
        if family.type == "histogram":
            _check(name, family)
    return families


def _sample(family: Family, current: str, line: str) -> None:
    match = SAMPLE.fullmatch(line)
    assert match, line
    name, labels, value = match.groups()
    ending = name.removeprefix(current)
    assert ending in (("_bucket", "_sum", "_count") if family.type == "histogram" else ("",)), line
    pairs = PAIR.findall(labels or "")
    assert len({label for label, _ in pairs}) == len(pairs), line
    key = ending, frozenset((label, text) for label, text in pairs)
    assert key not in family.samples, f"{line} twice"
    family.samples[key] = float(value)


def _check(name: str, family: Family) -> None:
    """Buckets grow, end with +Inf, and that is the count."""
    series: dict[Labels, list[tuple[float, float]]] = {}
    for (ending, labels), value in family.samples.items():
        if ending == "_bucket":
            bound = float(dict(labels)["le"])
            series.setdefault(labels - {("le", dict(labels)["le"])}, []).append((bound, value))
    counts = {labels: value for (ending, labels), value in family.samples.items() if ending == "_count"}
    assert counts.keys() == series.keys(), name
    for labels, buckets in series.items():
        assert buckets == sorted(buckets), name
        values = [value for _, value in buckets]
        assert values == sorted(values), name
        assert buckets[-1] == (float("inf"), counts[labels]), name
        assert ("_sum", labels) in family.samples, name

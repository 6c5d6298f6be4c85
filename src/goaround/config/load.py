"""TOML text → frozen models, or every mistake at once as ``file:line:col: what is wrong — what to do``."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from goaround.config.crosschecks import Mistake, crosscheck
from goaround.config.fields import Table
from goaround.config.locate import Locator
from goaround.config.manifest import Manifest
from goaround.config.mistakes import sentence
from goaround.config.models import Config
from goaround.config.unitchecks import check_manifest
from goaround.domain.errors import ConfigurationError

_Model = TypeVar("_Model", bound=Table)


def load_config(path: Path) -> Config:
    """The configuration in this file. Raises ``ConfigurationError`` with every mistake."""
    return parse_config(_read(path), str(path))


def load_manifest(path: Path, folder: str = "") -> Manifest:
    """The release manifest in this file. Raises ``ConfigurationError`` with every mistake."""
    return parse_manifest(_read(path), str(path), folder)


def parse_config(text: str, filename: str) -> Config:
    """The configuration that the text says. Raises ``ConfigurationError`` with every mistake."""
    return _parse(Config, text, filename, crosscheck)


def parse_manifest(text: str, filename: str, folder: str = "") -> Manifest:
    """The release manifest that the text says. Raises ``ConfigurationError`` with every mistake, one of which may be
    that it is not the manifest of the version that its ``folder`` is named by."""
    return _parse(Manifest, text, filename, partial(check_manifest, folder=folder))


def _parse(
    model: type[_Model], text: str, filename: str, check: Callable[[dict[str, Any]], Iterable[Mistake]]
) -> _Model:
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError((_syntax_mistake(text, filename, str(error)),)) from None
    mistakes = list(check(document))
    try:
        parsed = model.model_validate(document)
    except ValidationError as error:
        mistakes += _of_pydantic(model, document, error)
    if mistakes:
        raise ConfigurationError(_told(mistakes, Locator(text), filename))
    return parsed


def _of_pydantic(model: type[Table], document: dict[str, Any], error: ValidationError) -> Iterator[Mistake]:
    for one in error.errors(include_url=False, include_input=False):
        if one["type"] == "default_factory_not_called":
            continue  # only follows from the mistake in the value it would have been made of
        # A mapping's key that is wrong is told as (…, key, "[key]").
        path = one["loc"][:-1] if one["loc"][-1:] == ("[key]",) else one["loc"]
        yield path, sentence(model, document, one["type"], path, one.get("ctx", {}))


def _told(mistakes: Iterable[Mistake], locator: Locator, filename: str) -> tuple[str, ...]:
    """In the order of the file; one place may have several mistakes, but none twice."""
    placed = sorted({(*locator.of(path), message) for path, message in mistakes})
    return tuple(f"{filename}:{line}:{column}: {message}" for line, column, message in placed)


def _syntax_mistake(text: str, filename: str, error: str) -> str:
    match = re.fullmatch(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", error, re.DOTALL)
    message, line, column = match.groups() if match else (error, "1", "1")
    if line is None:
        lines = text.split("\n")
        line, column = str(len(lines)), str(len(lines[-1]) + 1)
    return f"{filename}:{line}:{column}: {message} — this is not valid TOML, see https://toml.io"


def _read(path: Path) -> str:
    try:
        # TOML counts only \n and \r\n as line ends; Python's text mode would also change a lone \r.
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        before = error.object[: error.start].decode("utf-8")
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        mistake = f"{path}:{line}:{column}: not UTF-8 — save the file as UTF-8"
    except FileNotFoundError:
        mistake = f"{path}:1:1: there is no such file — create it, or name another"
    except OSError as error:
        mistake = f"{path}:1:1: it cannot be read ({error.strerror}) — see to its permissions"
    raise ConfigurationError((mistake,))

"""Start reading here. The deployment strategy ``staging_first`` as data: one line of plan a line of the strategy.

``staging_first`` is the way forward, ``rollback`` the way back. Each line names a kind of step; what it does is in the
file of that name in ``steps/``. Nothing here is ever run: the engine walks what these functions return, and the
journal keeps it, so the plan that you are shown is the plan that runs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from goaround.domain.calendar import Calendar
from goaround.domain.errors import Refused
from goaround.domain.recovery import Recovery, Touched, choose
from goaround.domain.release import Environment, Json, Phase, Plan, Release, Step, Terms
from goaround.domain.signoff import roles

if TYPE_CHECKING:
    from goaround.domain.journal import State

NOTICE_SECONDS = 3.0
"""A receiver of notices gets this long. It is short because an alert must not delay a rollback."""


def staging_first(terms: Terms, release: Release) -> Plan:
    """All releases deploy to staging first, validate, then deploy to production.

    Raises ``Refused`` if the old version is not declared to work on the new schema and no hold is configured, or
    if then there is no way to take the schema back: such a release would have no way back.
    """
    refuse_without_way_back(terms, release)
    v = release.version
    preflight = _Lines(release, terms, Phase.PREFLIGHT, "staging")
    staging = _Lines(release, terms, Phase.STAGING, "staging")
    validate = _Lines(release, terms, Phase.VALIDATE, "staging")
    production = _Lines(release, terms, Phase.PRODUCTION, "production")
    watch = _Lines(release, terms, Phase.WATCH, "production")
    complete = _Lines(release, terms, Phase.COMPLETE, "production")
    return Plan(
        (
            # 1.1 Staging deployment: pre-deployment checklist
            preflight.line("commit", f"the working tree is clean and {v} is commit {release.commit[:10]}"),
            preflight.line("free", "no other release holds staging or production"),
            preflight.line("disk", "there is room for artifact, backup and migration"),
            preflight.line("variables", "every environment variable is present in staging and production"),
            preflight.line("database", "both databases answer", seconds=120),
            preflight.build(),
            # Deploy to staging
            staging.tag(f"{v}-staging"),
            *_deploy(staging),
            # Staging validation
            *validate.tests("integration", "run the integration tests against staging", wanted=terms.integration),
            *validate.tests("smoke", "run the smoke tests against staging", wanted=terms.smoke),
            *(validate.line("answer", item.ask, name=f"check-{item.id}", waits=True) for item in terms.checklist),
            # Staging sign-off
            staging.sign_off(Phase.SIGN_OFF, f"may {v} go to production?"),
            # 1.2 Production deployment: pre-deployment
            *production.window(),
            production.tag(v),
            production.line("backup", "back up the production database", seconds=terms.backup_seconds),
            *production.notice("announce", f"tell monitoring to expect {v}", wanted=terms.announce),
            production.line("prepare", "prepare the rollback plan and check that it can be flown", seconds=120),
            # Deploy to production
            *_deploy(production),
            # Post-deployment validation
            *watch.tests("smoke", "run the smoke tests against production", wanted=terms.smoke),
            watch.line(
                "watch",
                f"watch production for {_span(terms.watch.for_seconds)}: errors {terms.watch.errors}, "
                f"P95 {terms.watch.p95}; back at once if errors {terms.triggers.errors} or P95 {terms.triggers.p95}",
                seconds=terms.watch.for_seconds + terms.watch.extend_seconds + 60,
                triggers=True,
            ),
            # Production sign-off
            production.sign_off(Phase.PRODUCTION_SIGN_OFF, f"is {v} good in production?"),
            complete.retire("staging", "old", "stop the previous version in staging"),
            complete.retire("production", "old", "stop the previous version in production"),
            # What fails from here on is told, and takes nothing back
            *complete.push(),
            complete.afterwards("tidy", "remove artifacts that no environment may need any more", seconds=300),
        )
    )


def rollback(state: State, recovery: dict[Environment, Recovery]) -> Plan:
    """Production first, if it was touched; staging follows, so that both hold the same version again."""
    release, terms = state.release, state.terms
    steps: list[Step] = []
    if "production" in recovery:
        production = _Lines(release, terms, Phase.ROLLBACK, "production")
        steps += [
            # 2.2 Immediate actions
            *production.still_safe(),
            production.line("stop", "stop: hold every other release of the service", name="back-stop"),
            *production.notice("alert", f"alert {terms.owner}", wanted=terms.alert),
            production.line("assess", "assess: how bad is it, and is data touched?", name="back-assess"),
            # Application rollback, database rollback
            *_go_back(production, recovery["production"]),
            # Post-rollback validation, communication
            *_after(production, recovery["production"]),
        ]
    if "staging" in recovery:
        steps += _go_back(_Lines(release, terms, Phase.ROLLBACK, "staging"), recovery["staging"])
    return Plan(tuple(steps))


def way_back(state: State) -> dict[Environment, Recovery]:
    """Which environments go back and how, from how far the release got in each."""
    touched: dict[Environment, Touched] = {
        environment: state.touched(environment) for environment in ("production", "staging")
    }
    return {
        environment: choose(state.release, state.terms, how_far)
        for environment, how_far in touched.items()
        if how_far.anything
    }


def refuse_without_way_back(terms: Terms, release: Release) -> None:
    """Raise ``Refused`` if the release could not be taken back once it is deployed."""
    if release.previous is None or not release.migrates or release.old_version_works:
        return
    manifest = f"releases/{release.version}/manifest.toml"
    if terms.hold_seconds is None:
        raise Refused(
            f"{release.previous} is not declared to work on the schema of {release.version}, and no hold is configured",
            state="nothing was started",
            remedy=f"add [hold] limit to goaround.toml, or declare old_version_works = true in {manifest}",
        )
    if not terms.can_go_down or release.way_back != "down":
        raise Refused(
            f"{release.version} changes the schema so that {release.previous} does not work on it, "
            "and nothing takes the schema back",
            state="nothing was started",
            remedy=f'configure down migrations in [migrations] and rollback = "down" in {manifest}',
        )


def calendar_of(terms: Terms, release: Release) -> Calendar:
    """When this release may change production: one that lets requests wait, in a maintenance window if there are."""
    holds = release.migrates and not release.old_version_works and release.previous is not None
    return replace(terms.calendar, windows=terms.maintenance) if holds and terms.maintenance else terms.calendar


def _deploy(on: _Lines) -> Iterable[Step]:
    """Files first; the new process starts after the migration. Traffic is held where the old version does not
    suit the new schema, and moves at the end."""
    release, terms = on.release, on.terms
    v, migrates = release.version, release.migrates
    hold = migrates and not release.old_version_works and release.previous is not None
    yield on.line("deploy", f"place {v} beside the version that serves")
    if hold:
        yield on.hold("hold", f"hold all requests, each up to {terms.hold_seconds:g} s, and let those in flight finish")
    if migrates:
        yield on.line(
            "migrate",
            "run the database migrations: " + ", ".join(release.migrations),
            seconds=terms.migrate_seconds,
            interruptible=False,
        )
    yield on.line("health", f"start {v} and verify its health", seconds=terms.start_seconds + 10, to="new")
    yield on.line("traffic", f"give {v} the traffic of {on.environment}", interruptible=False, to="new")
    if hold:
        yield on.line("release", "let the held requests go", interruptible=False)


def _go_back(on: _Lines, recovery: Recovery) -> Iterable[Step]:
    """The same rule the other way round."""
    if recovery.to is None:
        yield on.back("traffic", "take traffic off: visitors get a maintenance answer", to="nobody")
        yield on.back("retire", "stop the new version", slot="new", seconds=on.terms.drain_seconds + 30)
        return
    old, down = recovery.to, recovery.schema == "down"
    if recovery.hold:
        yield on.back("hold", "hold all requests and let those in flight finish", force=True)
        yield on.back("retire", "stop the new version before its schema goes", slot="new", drain=0)
    if down and recovery.hold:
        yield on.down(f"take the schema back to what {old} knows")
    yield on.back("health", f"have {old} run and verify its health", to="old", seconds=on.terms.start_seconds + 10)
    yield on.back("traffic", f"give {old} the traffic of {on.environment}", to="old")
    yield on.back("release", "let held requests go")
    if not recovery.hold:
        yield on.back("retire", "drain and stop the new version", slot="new", seconds=on.terms.drain_seconds + 30)
    if down and not recovery.hold:
        yield on.down(f"take the schema back to what {old} knows, beneath the traffic")
    yield on.back("health", f"verify the health of {old}", name="back-verify", to="old", seconds=on.terms.start_seconds)


def _after(on: _Lines, recovery: Recovery) -> Iterable[Step]:
    """2.2 Post-rollback validation and communication."""
    terms = on.terms
    if recovery.to is not None:
        yield from on.tests("smoke", f"run the smoke tests against {recovery.to}", wanted=terms.smoke, back=True)
        yield on.back(
            "watch",
            f"watch {recovery.to} for {_span(terms.watch.after_rollback_seconds)}",
            seconds=terms.watch.after_rollback_seconds + terms.watch.extend_seconds + 60,
            triggers=False,
        )
    yield on.back("incident", "write the incident record")


class _Lines:
    """Writes the lines of one phase in one environment."""

    def __init__(self, release: Release, terms: Terms, phase: Phase, environment: Environment) -> None:
        self.release, self.terms, self.phase, self.environment = release, terms, phase, environment

    def line(
        self,
        kind: str,
        says: str,
        *,
        name: str | None = None,
        seconds: float = 60,
        tries: int = 1,
        interruptible: bool = True,
        waits: bool = False,
        **params: Json,
    ) -> Step:
        key = f"{self.release.id}/{self.environment}/{name or kind}"
        if waits:
            params["waits"] = True
        return Step(key, self.phase, self.environment, kind, says, seconds, tries, interruptible, params)

    def back(self, kind: str, says: str, *, name: str | None = None, **more: Json) -> Step:
        return self.line(kind, says, name=name or f"back-{kind}", interruptible=False, **more)

    def build(self) -> Step:
        says = f"build {self.release.version} once, in a clean export of its commit"
        if self.terms.builds_twice:
            says += "; and once more, to see whether the same comes out"
        return self.line("build", says, seconds=self.terms.build_seconds * (1 + self.terms.builds_twice))

    def tag(self, name: str) -> Step:
        if not self.terms.proven:
            return self.line("tag", f"tag the commit as {name}", tag=name)
        return self.line("tag", f"tag the commit as {name}, signed with the controller's key", tag=name, signed=True)

    def push(self) -> Iterable[Step]:
        if self.terms.push:
            remote = self.terms.push
            yield self.afterwards("push", f"push the tags to {remote}", seconds=120, tries=3, remote=remote)

    def afterwards(self, kind: str, says: str, **more: Json) -> Step:
        return replace(self.line(kind, says, interruptible=False, **more), optional=True)

    def hold(self, kind: str, says: str) -> Step:
        return self.line(kind, says, interruptible=False, force=False)

    def down(self, says: str) -> Step:
        return self.back("down", says, seconds=self.terms.migrate_seconds)

    def tests(self, suite: str, says: str, *, wanted: bool, back: bool = False) -> Iterable[Step]:
        if wanted:
            name = f"{'back-' if back else ''}{suite}"
            yield self.line(
                "tests", says, name=name, seconds=self.terms.test_seconds, interruptible=not back, suite=suite
            )

    def notice(self, kind: str, says: str, *, wanted: bool) -> Iterable[Step]:
        if wanted:
            tries = 3 if kind == "announce" else 1
            yield self.line("notify", says, name=kind, seconds=NOTICE_SECONDS, tries=tries, notice=kind)

    def window(self) -> Iterable[Step]:
        calendar = calendar_of(self.terms, self.release)
        if calendar:
            yield self.line("window", f"wait until production may change: {calendar.says()}", waits=True)

    def sign_off(self, phase: Phase, asks: str) -> Step:
        wanted = (
            f"{role.count} of {' or '.join(role.people)}" if role.count > 1 else " or ".join(role.people)
            for role in roles(self.terms, self.environment)
        )
        signers = ", and ".join(wanted)
        lines = _Lines(self.release, self.terms, phase, self.environment)
        return lines.line("sign_off", f"{asks} Signed by {signers}", name="sign-off", waits=True)

    def still_safe(self) -> Iterable[Step]:
        """Long after completion things may have moved on; a rollback that follows a failure has no such choice."""
        if self.release.of is not None:
            yield self.line("still_safe", "check that going back is still safe, before anything is changed")

    def retire(self, environment: Environment, slot: str, says: str) -> Step:
        lines = _Lines(self.release, self.terms, self.phase, environment)
        return lines.line("retire", says, seconds=self.terms.drain_seconds + 30, interruptible=False, slot=slot)


def _span(seconds: float) -> str:
    """``1 h``, ``30 min``, ``45 s``."""
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"

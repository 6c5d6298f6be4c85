"""What the plan needs to know, out of the configuration."""

from __future__ import annotations

from goaround.config.models import Config
from goaround.domain.calendar import Calendar, Freeze
from goaround.domain.gates import TriggerLimits, WatchLimits
from goaround.domain.release import ChecklistItem, Role, Terms


def terms_of(config: Config) -> Terms:
    """The terms that a release under this configuration is planned by."""
    production = config.environments.production
    watch, triggers = production.watch, production.triggers
    return Terms(
        service=config.service,
        owner=config.owner,
        signers={name: tuple(config.environments[name].signers) for name in ("staging", "production")},
        watch=WatchLimits(
            watch.for_seconds,
            watch.errors,
            watch.p95,
            watch.minimum_requests,
            watch.extend_seconds,
            watch.after_rollback_seconds,
        ),
        triggers=TriggerLimits(
            triggers.errors,
            triggers.p95,
            triggers.window_seconds,
            triggers.minimum_requests,
        ),
        checklist=tuple(ChecklistItem(item.id, item.ask) for item in config.validation.checklist),
        can_go_down=config.migrations is not None and bool(config.migrations.down),
        hold_seconds=config.hold.limit_seconds if config.hold else None,
        integration=bool(config.validation.integration),
        smoke=bool(config.validation.smoke),
        announce=bool(config.notify.announce),
        alert=bool(config.notify.alert),
        build_seconds=config.build.timeout_seconds,
        migrate_seconds=config.migrations.timeout_seconds if config.migrations else 0,
        start_seconds=config.run.start_timeout_seconds,
        drain_seconds=config.run.drain_seconds,
        test_seconds=config.validation.timeout_seconds,
        rollback_target_seconds=config.rollback.target_seconds,
        calendar=Calendar(
            config.timezone,
            production.windows,
            tuple(Freeze(freeze.first, freeze.last, freeze.reason) for freeze in production.freezes),
            config.timeline.production_not_before_days,
        ),
        maintenance=production.maintenance,
        roles={
            name: tuple(Role(role.role, role.people, role.count) for role in config.environments[name].sign_off)
            for name in ("staging", "production")
            if config.environments[name].sign_off
        },
        own_release=config.sign_off.own_release,
        sign_off_seconds=config.sign_off.expires_seconds,
        proven=bool(config.sign_off.allowed_signers),
        staging_seconds=config.timeline.staging_seconds,
        production_seconds=config.timeline.production_seconds,
        push=config.tags.push,
        builds_twice=config.build.twice,
    )

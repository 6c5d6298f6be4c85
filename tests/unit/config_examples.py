"""Configurations for tests: the complete example, and the least that is valid."""

FULL = """\
service = "neotoma"
strategy = "staging_first"
owner = "owner"

[build]
command = ["uv", "build"]
timeout = "5m"
inherit_env = ["UV_CACHE_DIR", "HOME"]

[migrations]
files = "migrations/*.sql"
up = ["python3", "-m", "neotoma", "migrate", "up"]
down = ["python3", "-m", "neotoma", "migrate", "down", "{schema}"]
current = ["python3", "-m", "neotoma", "migrate", "current"]
lock_timeout = "2s"
statement_timeout = "60s"
timeout = "15m"

[run]
command = ["python3", "-m", "neotoma", "serve", "--port", "{port}"]
health = "/health"
start_timeout = "30s"
drain = "30s"
stop_grace = "10s"

[validate]
integration = ["pytest", "--base-url", "{base_url}"]
smoke = ["smoke", "{base_url}"]
timeout = "10m"
[[validate.checklist]]
id = "upload-types"
ask = "Do uploads of each type work?"
[[validate.checklist]]
id = "rls"
ask = "Are users walled off?"

[notify]
announce = [{command = ["wall", "deploying"]}, {webhook = "env:ANNOUNCE_URL"}]
alert = [{webhook = "http://127.0.0.1:9999/alert"}]

[hold]
limit = "10s"

[environments.staging]
listen = "127.0.0.1:7480"
slot_ports = [7481, 7482]
database = "embedded"
signers = ["owner"]
required_env = ["NAME"]
[environments.staging.env]
NAME = "literal"
API_KEY = "env:STAGING_API_KEY"

[environments.production]
listen = "127.0.0.1:7490"
database = "env:PRODUCTION_DATABASE_URL"
migration_database = "file:/run/secrets/migration"
signers = ["owner", "second"]
[environments.production.watch]
for = "1h"
errors = "< 1%"
p95 = "< 5s"
minimum_requests = 20
extend = "1h"
after_rollback = "30m"
[environments.production.triggers]
errors = "> 10%"
p95 = "> 10s for 5m"
window = "1m"
minimum_requests = 20

[rollback]
target = "15m"

[timeline]
production_not_before = "3 days after staging"
staging = "2h"
production = "1h"
"""

HOURS = """\
timezone = "Europe/Madrid"
[environments.production]
listen = "127.0.0.1:7490"
windows = ["Mon-Thu 09:00-16:00", "Fri 09:00-12:00"]
maintenance = ["Sun 02:00-04:00"]
freezes = [{ from = 2026-12-21, to = 2027-01-03, reason = "holidays" }]
"""
"""When production may change; to be put before the rest of ``LEAST``."""

LEAST = """\
service = "neotoma"
owner = "mark"
run.command = ["serve", "{port}"]
environments.staging.listen = "127.0.0.1:7480"
environments.production.listen = "127.0.0.1:7490"
"""

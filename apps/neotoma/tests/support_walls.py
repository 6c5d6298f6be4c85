"""Walks PostgreSQL's catalogue and names everything by which a row could reach somebody it does not belong to."""

from collections.abc import Iterator
from typing import Any

import psycopg

Connection = psycopg.Connection[tuple[Any, ...]]
MEMORY = {"sources", "chunks", "entities", "observations", "relationships"}
OWNER = "'00000000-0000-4000-8000-000000000001'::uuid"
MEMBER_POLICY = ("neotoma_member", "(user_id = member_id())")
SINGLE_POLICY = ("neotoma_single", f"(user_id = {OWNER})")

# Each exception says why it is one.
WITHOUT_WALL = {"schema_migrations": "versions of the schema, which are in the source code; no user's row"}
CLOSED = {
    "oauth_clients": "agents register before anybody allows them anything; only functions reach it",
    "attempts": "counted before anybody is known, as digests; only functions reach it",
    "departed": "whoever departed is no user any more; only functions reach it",
}
OF_NOBODY = ("planted", "departed")
UNIQUE_OVER_ALL = {
    "users_email": "it is what people sign in with; the answer of a sign-up says no more than that it did not work",
    "schema_migrations_pkey": "no user's row",
    "oauth_clients_pkey": "random ids, and no user's row",
    "attempts_pkey": "digests, and only functions reach it",
}
SEEING_ALL = {
    "account_create(text,text)": "signs up: nobody is known yet",
    "account_credential(text)": "signs in: one e-mail at a time",
    "account_rehash(text,text)": "only with the hash that is kept now, and only one's own",
    "account_delete()": "only one's own",
    "account_departed()": "ids of users who are gone",
    "account_erased(uuid)": "forgets that somebody is gone",
    "session_person(bytea,interval,interval)": "whose session: only with its digest",
    "token_person(bytea)": "whose token: only with its digest",
    "oauth_token(bytea,text)": "whose grant: only with the token's digest",
    "oauth_client(text)": "one agent by its id",
    "oauth_client_add(text,jsonb)": "registers an agent",
    "attempt(bytea,integer,integer)": "counts under a digest",
    "attempt_forgive(bytea)": "counts under a digest",
    "accounts_sweep(interval,interval)": "deletes what expired",
    "claim_source(integer)": "says whose source is to be read next: an id, no content",
    "search_chunks(text,text,integer)": "searches within the transaction's user; test_search_isolation.py",
    "integrity_orphans()": "a number",
    "integrity_edges()": "numbers that name nothing",
}
TRIGGERS_SEEING_ALL = {
    "chunks_words()",
    "chunks_follow_type()",
    "relationships_keep_their_past()",
    "relationships_are_said()",
    "relationships_are_taken_back()",
    "sources_leave_what_others_say()",
    "entities_tell_the_timeline()",
}
ROLES = ("neotoma_member", "neotoma_single", "app")
MEMBERSHIPS = {("app", "neotoma_member", False, True), ("app", "neotoma_single", True, False)}
SEARCH_PATH = "search_path=pg_catalog, public, pg_temp"
OURS = "NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'"


def escapes(connection: Connection) -> list[str]:
    """Everything that should not be there, as sentences; none for a whole wall."""
    parts = (schemas, tables, policies, grants, views, sequences, keys, references, leftovers, functions, rules, roles)
    return [escape for part in parts for escape in part(connection)]


def schemas(connection: Connection) -> Iterator[str]:
    for (name,) in connection.execute(f"SELECT nspname FROM pg_namespace WHERE nspname {OURS} AND nspname <> 'public'"):
        yield f"schema {name}: nobody looks into it"
    query = (
        "SELECT r.rolname FROM pg_namespace n, aclexplode(n.nspacl) a LEFT JOIN pg_roles r ON r.oid = a.grantee "
        "WHERE n.nspname = 'public' AND a.privilege_type = 'CREATE' AND a.grantee <> n.nspowner"
    )
    for (role,) in connection.execute(query):
        if role not in ("owner", "pg_database_owner"):
            yield f"schema public: {role or 'everybody'} may create in it"


def tables(connection: Connection) -> Iterator[str]:
    query = (
        "SELECT c.relname, c.relkind::text, c.relrowsecurity AND c.relforcerowsecurity, pg_get_userbyid(c.relowner), "
        "EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'user_id' AND a.attnotnull "
        "AND a.atttypid = 'uuid'::regtype) "
        "FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'm', 'f')"
    )
    for name, kind, walled, owner, owned in connection.execute(query):
        if kind in "mf":
            yield f"table {name}: no wall can stand before a materialized view or a foreign table"
        elif name not in WITHOUT_WALL and not walled:
            yield f"table {name}: row-level security is not enabled and forced"
        if owner != "owner":
            yield f"table {name}: belongs to {owner}"
        if kind in "rp" and not owned and name not in WITHOUT_WALL and name not in CLOSED:
            yield f"table {name}: has no user_id that is never NULL"


def policies(connection: Connection) -> Iterator[str]:
    query = (
        "SELECT c.relname, p.polname, p.polpermissive, ARRAY(SELECT CASE WHEN r = 0 THEN 'everybody' "
        "ELSE pg_get_userbyid(r)::text END FROM unnest(p.polroles) r), "
        "pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid) "
        "FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid"
    )
    found = connection.execute(query).fetchall()
    for table, name, permissive, to, using, check in found:
        allowed = [MEMBER_POLICY, *([SINGLE_POLICY] if table in MEMORY else [])]
        expressions = {one for one in (using, check) if one is not None}
        if (
            table in CLOSED
            or not permissive
            or (len(to), len(expressions)) != (1, 1)
            or (to[0], expressions.pop()) not in allowed
        ):
            yield f"policy {name} on {table}: lets in more than a table's own user"


def grants(connection: Connection) -> Iterator[str]:
    query = (
        "SELECT c.relname, '', a.privilege_type, CASE WHEN a.grantee = 0 THEN 'everybody' "
        "ELSE pg_get_userbyid(a.grantee)::text END "
        "FROM pg_class c, aclexplode(c.relacl) a WHERE c.relnamespace = 'public'::regnamespace "
        "AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND a.grantee <> c.relowner "
        "UNION ALL SELECT c.relname, t.attname, a.privilege_type, CASE WHEN a.grantee = 0 THEN 'everybody' "
        "ELSE pg_get_userbyid(a.grantee)::text END "
        "FROM pg_class c JOIN pg_attribute t ON t.attrelid = c.oid, aclexplode(t.attacl) a "
        "WHERE c.relnamespace = 'public'::regnamespace AND a.grantee <> c.relowner"
    )
    for table, column, privilege, role in connection.execute(query):
        if not _may(table, column, privilege, role):
            yield f"grant: {role} may {privilege} {table}{'.' if column else ''}{column}"
    for (name,) in connection.execute("SELECT defaclrole::regrole::text FROM pg_default_acl"):
        yield f"grant: what {name} creates is open by default"


def _may(table: str, column: str, privilege: str, role: str) -> bool:
    if table in WITHOUT_WALL:
        return privilege == "SELECT"
    if table in CLOSED or role not in ROLES or privilege not in ("SELECT", "INSERT", "UPDATE", "DELETE"):
        return False
    if table == "users":
        return role == "neotoma_member" and privilege == "SELECT" and column in ("user_id", "email", "created_at")
    return role == "neotoma_member" or table in MEMORY


def views(connection: Connection) -> Iterator[str]:
    query = "SELECT relname, reloptions FROM pg_class WHERE relkind = 'v' AND relnamespace = 'public'::regnamespace"
    for name, options in connection.execute(query):
        if not {"security_invoker=true", "security_invoker=on", "security_invoker=1"} & set(options or ()):
            yield f"view {name}: shows what its owner sees, for want of security_invoker"


def sequences(connection: Connection) -> Iterator[str]:
    query = (
        "SELECT c.relname FROM pg_class c, aclexplode(c.relacl) a WHERE c.relkind = 'S' "
        "AND c.relnamespace = 'public'::regnamespace AND a.grantee <> c.relowner GROUP BY 1"
    )
    for (name,) in connection.execute(query):
        yield f"sequence {name}: its value tells how much others store"


def keys(connection: Connection) -> Iterator[str]:
    query = (
        "SELECT i.relname, a.attname FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid "
        "JOIN pg_class c ON c.oid = x.indrelid "
        "LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = x.indkey[0] "
        "WHERE c.relnamespace = 'public'::regnamespace AND (x.indisunique OR x.indisexclusion)"
    )
    for name, first in connection.execute(query):
        if first != "user_id" and name not in UNIQUE_OVER_ALL:
            yield f"key {name}: unique over all users, so one learns what another has"


def references(connection: Connection) -> Iterator[str]:
    query = (
        "SELECT k.conname, (SELECT attname FROM pg_attribute WHERE attrelid = k.conrelid AND attnum = k.conkey[1]), "
        "(SELECT attname FROM pg_attribute WHERE attrelid = k.confrelid AND attnum = k.confkey[1]) "
        "FROM pg_constraint k WHERE k.contype = 'f' AND k.connamespace = 'public'::regnamespace"
    )
    for name, here, there in connection.execute(query):
        if (here, there) != ("user_id", "user_id"):
            yield f"reference {name}: leads from one user's row to another's"


def leftovers(connection: Connection) -> Iterator[str]:
    query = (
        "SELECT k.conrelid::regclass::text, k.confrelid::regclass::text FROM pg_constraint k "
        "WHERE k.contype = 'f' AND k.confdeltype = 'c' AND k.connamespace = 'public'::regnamespace"
    )
    cascades = connection.execute(query).fetchall()
    gone = {"users"}
    while more := {here for here, there in cascades if there in gone} - gone:
        gone |= more
    query = "SELECT attrelid::regclass::text FROM pg_attribute JOIN pg_class c ON c.oid = attrelid " + (
        "WHERE attname = 'user_id' AND c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace"
    )
    for (name,) in connection.execute(query):
        if name not in gone and name not in OF_NOBODY:
            yield f"table {name}: keeps its rows when their user has gone"


def functions(connection: Connection) -> Iterator[str]:
    query = (
        "SELECT regexp_replace(p.oid::regprocedure::text, '^public\\.', ''), p.prosecdef, p.proleakproof, "
        "coalesce(p.proconfig, '{}'), pg_get_userbyid(p.proowner), p.prorettype = 'trigger'::regtype, l.lanname, "
        "ARRAY(SELECT CASE WHEN a.grantee = 0 THEN 'everybody' ELSE pg_get_userbyid(a.grantee)::text END "
        "FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a WHERE a.grantee <> p.proowner) "
        "FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang JOIN pg_namespace n ON n.oid = p.pronamespace "
        f"WHERE n.nspname {OURS}"
    )
    for name, definer, leakproof, settings, owner, trigger, language, may in connection.execute(query):
        if leakproof or language not in ("sql", "plpgsql") or owner != "owner":
            yield f"function {name}: is leakproof, foreign or not ours, and could see rows before the wall does"
        if not definer:
            continue
        known = TRIGGERS_SEEING_ALL if trigger else SEEING_ALL
        if name not in known:
            yield f"function {name}: sees all rows, and nobody said why"
        if SEARCH_PATH not in settings:
            yield f"function {name}: sees all rows and takes its names from the caller's search_path"
        if set(may) - (set() if trigger else {"neotoma_member"}):
            yield f"function {name}: sees all rows and may be called by {', '.join(sorted(may))}"


def rules(connection: Connection) -> Iterator[str]:
    query = (
        "SELECT r.rulename, c.relname FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class "
        "WHERE c.relnamespace = 'public'::regnamespace AND r.rulename <> '_RETURN'"
    )
    for name, table in connection.execute(query):
        yield f"rule {name} on {table}: writes as the owner of the table"
    for kind, catalogue in (("publication", "pg_publication"), ("event trigger", "pg_event_trigger")):
        for (_,) in connection.execute(f"SELECT oid FROM {catalogue}"):
            yield f"{kind}: sees rows of everybody"
    if connection.execute("SELECT FROM pg_largeobject_metadata").rowcount:
        yield "large object: has no wall"


def roles(connection: Connection) -> Iterator[str]:
    query = (
        "SELECT rolname FROM pg_roles WHERE rolname = ANY(%s) "
        "AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication)"
    )
    for (name,) in connection.execute(query, (list(ROLES),)):
        yield f"role {name}: may more than a role that serves"
    query = (
        "SELECT pg_get_userbyid(member)::text, pg_get_userbyid(roleid)::text, inherit_option, set_option "
        "FROM pg_auth_members WHERE pg_get_userbyid(member) = ANY(%s)"
    )
    for found in connection.execute(query, (list(ROLES),)):
        if found not in MEMBERSHIPS:
            yield f"role {found[0]}: is a member of {found[1]}"

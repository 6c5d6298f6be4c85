DROP FUNCTION account_create(text, text), account_credential(text), account_rehash(text, text), account_delete(),
  account_departed(), account_erased(uuid), session_person(bytea, interval, interval), token_person(bytea),
  oauth_token(bytea, text), oauth_client(text), oauth_client_add(text, jsonb), attempt(bytea, integer, integer),
  attempt_forgive(bytea), accounts_sweep(interval, interval);
DROP TABLE departed, attempts, oauth_clients, oauth_tokens, oauth_grants, tokens, sessions;

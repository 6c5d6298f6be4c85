-- Every row belongs to somebody. A constant default rewrites no table; what is there belongs to the legacy owner.

LOCK TABLE sources, chunks, entities, observations, relationships IN ACCESS EXCLUSIVE MODE;
ALTER TABLE sources       ADD COLUMN user_id uuid NOT NULL DEFAULT '00000000-0000-4000-8000-000000000001';
ALTER TABLE chunks        ADD COLUMN user_id uuid NOT NULL DEFAULT '00000000-0000-4000-8000-000000000001';
ALTER TABLE entities      ADD COLUMN user_id uuid NOT NULL DEFAULT '00000000-0000-4000-8000-000000000001';
ALTER TABLE observations  ADD COLUMN user_id uuid NOT NULL DEFAULT '00000000-0000-4000-8000-000000000001';
ALTER TABLE relationships ADD COLUMN user_id uuid NOT NULL DEFAULT '00000000-0000-4000-8000-000000000001';

-- A new row belongs to the transaction's user; without one, to the legacy owner if the version before writes it.
-- For anybody else it is NULL, which the column refuses.
CREATE FUNCTION owner_of_new_row() RETURNS uuid STABLE LANGUAGE sql
  RETURN coalesce(member_id(), CASE WHEN current_user <> 'neotoma_member' AND pg_has_role('neotoma_single', 'USAGE')
                                    THEN '00000000-0000-4000-8000-000000000001'::uuid END);

ALTER TABLE sources       ALTER COLUMN user_id SET DEFAULT owner_of_new_row();
ALTER TABLE chunks        ALTER COLUMN user_id SET DEFAULT owner_of_new_row();
ALTER TABLE entities      ALTER COLUMN user_id SET DEFAULT owner_of_new_row();
ALTER TABLE observations  ALTER COLUMN user_id SET DEFAULT owner_of_new_row();
ALTER TABLE relationships ALTER COLUMN user_id SET DEFAULT owner_of_new_row();

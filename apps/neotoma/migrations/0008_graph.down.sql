-- migrate: no transaction
-- Also from half-way. Merges stay what they are in entities; that they happened, and when, is lost.

DROP FUNCTION IF EXISTS integrity_edges;
DROP FUNCTION IF EXISTS integrity_orphans;
DROP TRIGGER IF EXISTS entities_tell_the_timeline ON entities;
DROP TRIGGER IF EXISTS entities_come_onto_the_timeline ON entities;
DROP FUNCTION IF EXISTS entities_tell_the_timeline;
DROP TRIGGER IF EXISTS entities_merge_well ON entities;
DROP FUNCTION IF EXISTS entities_merge_well;
DROP TRIGGER IF EXISTS sources_leave_what_others_say ON sources;
DROP FUNCTION IF EXISTS sources_leave_what_others_say;
DROP TRIGGER IF EXISTS relationships_are_taken_back ON relationships;
DROP FUNCTION IF EXISTS relationships_are_taken_back;
DROP TRIGGER IF EXISTS relationships_are_said ON relationships;
DROP FUNCTION IF EXISTS relationships_are_said;
DROP TRIGGER IF EXISTS relationships_keep_their_past ON relationships;
DROP FUNCTION IF EXISTS relationships_keep_their_past;
CREATE OR REPLACE TRIGGER relationships_close_no_circle
  AFTER INSERT OR UPDATE OF type, from_id, to_id, deleted_at ON relationships
  FOR EACH ROW WHEN (NEW.deleted_at IS NULL
    AND NEW.type IN ('part_of', 'depends_on', 'supersedes', 'duplicate_of', 'settles', 'derived_from'))
  EXECUTE FUNCTION relationships_close_no_circle();
DROP FUNCTION IF EXISTS relationships_of_user_close_no_circle;
DROP FUNCTION IF EXISTS leads_back;
DROP TABLE IF EXISTS timeline_events;
DROP TABLE IF EXISTS relationship_sources;
DROP TABLE IF EXISTS relationship_periods;
DROP TABLE IF EXISTS merges;

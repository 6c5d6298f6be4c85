DROP TABLE planted, users;
DROP FUNCTION member_id;

-- Works from every half-way state: the index goes with its table, invalid or not.

DROP TABLE IF EXISTS tags;

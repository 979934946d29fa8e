SELECT 1 AS a, 'x' AS b, CAST(NULL AS INT) AS c
SELECT 1 + 1 AS a WHERE 1 = 2
SELECT * FROM u
SELECT u.* FROM u WHERE x = 0
SELECT id, k FROM t WHERE f = CAST('NaN' AS DOUBLE)
SELECT count(*) AS n FROM t
SELECT count(*) AS n FROM e
SELECT count(k) AS a, count(i) AS b, count(f) AS c, count(DISTINCT k) AS d, count(DISTINCT f) AS e, count(DISTINCT g) AS g FROM t
SELECT count(DISTINCT k, i) AS n, count(k, i) AS m FROM t
SELECT sum(i) AS a, sum(l) AS b, sum(d) AS c FROM t
SELECT sum(f) AS a, sum(g) AS b, avg(f) AS c FROM t WHERE id < 4
SELECT sum(f) AS a, avg(g) AS b FROM t
SELECT sum(f) AS a, sum(l) AS b, sum(d) AS c, count(*) AS n, min(f) AS m FROM t WHERE false
SELECT sum(x) AS a, min(k) AS b, max(day) AS c, avg(y) AS d, count_if(w > 1) AS e FROM e
SELECT k, count(*) AS n FROM t GROUP BY k
SELECT k, count(*) AS n FROM e GROUP BY k
SELECT k, i, count(*) AS n, sum(d) AS s, avg(d) AS a FROM t GROUP BY k, i
SELECT f, count(*) AS n FROM t GROUP BY f
SELECT g, count(*) AS n FROM t GROUP BY g
SELECT b, count(*) AS n FROM t GROUP BY b
SELECT dt, count(*) AS n FROM t GROUP BY dt
SELECT ts, min(id) AS n FROM t GROUP BY ts
SELECT n, min(id) AS m FROM t GROUP BY n
SELECT d, count(*) AS n FROM t GROUP BY d
SELECT l, count(*) AS n FROM t GROUP BY l
SELECT upper(k) AS k, count(*) AS n FROM t GROUP BY upper(k)
SELECT upper(k) AS u, count(*) AS n FROM t GROUP BY u
SELECT upper(k) AS k, count(*) AS n FROM t GROUP BY k
SELECT upper(k) AS x, count(*) AS n FROM t GROUP BY 1
SELECT k, count(*) AS n FROM t GROUP BY 3
SELECT k, count(*) AS n FROM t GROUP BY 2
SELECT k, count(*) AS n FROM t GROUP BY 0
SELECT k, count(*) AS n FROM t GROUP BY count(*)
SELECT k, i FROM t GROUP BY k
SELECT k, count(*) AS n FROM t
SELECT *, count(*) AS n FROM u
SELECT i + 1 AS j, count(*) AS n FROM t GROUP BY i + 1
SELECT i + 1 AS j, count(*) AS n FROM t GROUP BY i
SELECT i + 2 AS j, count(*) AS n FROM t GROUP BY i + 1
SELECT t.k AS k, sum(t.i) / count(*) AS a FROM t GROUP BY k
SELECT sum(i) + 1 AS a, sum(i) * count(*) AS b, round(avg(i), 2) AS c FROM t WHERE id < 7
SELECT sum(i) AS s, s + 1 AS t FROM t WHERE id < 7
SELECT k, max(i) AS m FROM t GROUP BY k HAVING max(i) > 10
SELECT k, max(i) AS m FROM t GROUP BY k HAVING m > 10
SELECT k FROM t GROUP BY k HAVING count(*) > 1
SELECT count(*) AS n FROM t HAVING count(*) > 100
SELECT count(*) AS m FROM t HAVING m > 5
SELECT k FROM t GROUP BY k HAVING i > 1
SELECT 1 AS a FROM t HAVING true
SELECT k, count(*) AS n FROM t GROUP BY k HAVING count(*)
SELECT k FROM t WHERE count(*) > 1 GROUP BY k
SELECT sum(count(*)) AS n FROM t
SELECT min(f) AS a, max(f) AS b, min(g) AS c, max(g) AS d FROM t
SELECT min(s) AS a, max(s) AS b, min(b) AS c, max(b) AS d, min(dt) AS e, max(ts) AS f, min(n) AS g, max(d) AS h FROM t
SELECT k, min(s) AS a, max(s) AS b FROM t GROUP BY k
SELECT max(NULL) AS a, count(NULL) AS b, sum(NULL) AS c FROM t
SELECT sum(b) AS a FROM t
SELECT sum(s) AS a FROM t WHERE id = 3
SELECT sum(v) AS a, avg(v) AS b FROM words WHERE w IN ('one', 'two')
SELECT sum(dt) AS a FROM t
SELECT avg(i) AS a, avg(d) AS c, mean(i) AS e FROM t WHERE i IS NOT NULL
SELECT count_if(b) AS a, count_if(i > 5) AS c FROM t
SELECT count_if(i) AS a FROM t
SELECT sum(i) FILTER (WHERE b) AS a, count(*) FILTER (WHERE i > 5) AS c, count(DISTINCT k) FILTER (WHERE b) AS d, max(s) FILTER (WHERE id < 3) AS e FROM t
SELECT k, count(*) FILTER (WHERE f > 0) AS n, avg(d) FILTER (WHERE d > 0) AS a FROM t GROUP BY k
SELECT sum(i) FILTER (WHERE i) AS a FROM t
SELECT sum(DISTINCT i) AS a, avg(DISTINCT i) AS b, sum(DISTINCT d) AS c, min(DISTINCT i) AS e, count(DISTINCT i) AS g FROM t
SELECT k, sum(DISTINCT f) AS a, count(DISTINCT s) AS c FROM t WHERE id <> 5 GROUP BY k
SELECT sum(l) AS a FROM big WHERE id < 3
SELECT avg(l) AS a FROM big
SELECT sum(d) AS a FROM big WHERE id <> 2
SELECT sum(d) AS a FROM big WHERE id < 3
SELECT avg(d) AS a FROM big WHERE id <> 2
SELECT sum(m) AS a, avg(m) AS b FROM big
SELECT id, sum(m) AS a, avg(m) AS b FROM big GROUP BY id
SELECT sum(f) AS a FROM big WHERE id <> 2
SELECT CAST(sum(i) AS STRING) AS a FROM t
SELECT concat(k, '-', count(*)) AS a FROM t GROUP BY k
SELECT CASE WHEN count(*) > 2 THEN 'many' ELSE 'few' END AS a, k FROM t GROUP BY k
SELECT coalesce(k, '?') AS k, count(*) AS n FROM t GROUP BY coalesce(k, '?')
SELECT year(dt) AS y, count(*) AS n FROM t GROUP BY year(dt)
SELECT i % 2 = 0 AS even, count(*) AS n FROM t GROUP BY i % 2 = 0
SELECT 'c' AS c, count(*) AS n FROM t GROUP BY 'c'
SELECT DISTINCT k FROM t
SELECT DISTINCT f, g FROM t
SELECT DISTINCT k, i FROM t WHERE i > 0
SELECT DISTINCT upper(k) AS k FROM t
SELECT DISTINCT * FROM e
SELECT DISTINCT count(*) AS n FROM t GROUP BY k
! SELECT id, k FROM t ORDER BY k, id
! SELECT id, k FROM t ORDER BY k DESC, id DESC
! SELECT id, k FROM t ORDER BY k NULLS LAST, id
! SELECT id, k FROM t ORDER BY k DESC NULLS FIRST, id
! SELECT id, f FROM t ORDER BY f, id
! SELECT id, f FROM t ORDER BY f DESC, id
! SELECT id, d FROM t ORDER BY d, id
! SELECT id, s FROM t ORDER BY s, id
! SELECT id FROM t ORDER BY ts DESC, dt, id
! SELECT id, b FROM t ORDER BY b DESC, id
! SELECT id, i AS j FROM t ORDER BY j, id
! SELECT id, -i AS i FROM t WHERE id < 7 ORDER BY i, id
! SELECT id, -i AS j FROM t WHERE id < 7 ORDER BY i, id
! SELECT id, -i AS i FROM t WHERE id < 7 ORDER BY i + 0, id
! SELECT id FROM t ORDER BY 1 DESC
! SELECT k AS a, id FROM t ORDER BY 2
SELECT id FROM t ORDER BY 2
! SELECT id FROM t ORDER BY upper(k), id
! SELECT DISTINCT k FROM t ORDER BY k DESC
SELECT DISTINCT k FROM t ORDER BY i
! SELECT DISTINCT upper(k) AS u FROM t ORDER BY upper(k)
! SELECT k, count(*) AS n FROM t GROUP BY k ORDER BY n DESC, k
! SELECT k, count(*) AS n FROM t GROUP BY k ORDER BY count(*) DESC, k
! SELECT k FROM t GROUP BY k ORDER BY sum(i), k
! SELECT k FROM t GROUP BY k ORDER BY max(id)
SELECT k FROM t GROUP BY k ORDER BY i
! SELECT id FROM t ORDER BY id LIMIT 3
! SELECT id FROM t ORDER BY id DESC LIMIT 0
! SELECT id, f FROM t ORDER BY f DESC, id LIMIT 4
! SELECT id FROM t ORDER BY id LIMIT 100
! SELECT id FROM t ORDER BY id LIMIT 1 + 1
SELECT count(*) AS n FROM (SELECT id FROM t LIMIT 4)
SELECT id FROM t LIMIT -1
SELECT id FROM t LIMIT NULL
SELECT id FROM t LIMIT 'a'
SELECT id FROM t LIMIT 2L
SELECT id FROM t LIMIT id
SELECT a.id, b.y FROM t a JOIN u b ON a.id = b.id
SELECT a.id AS l, b.id AS r, b.k AS bk FROM t a LEFT JOIN u b ON a.id = b.id
SELECT a.id, b.w FROM t a JOIN u b ON a.k = b.k
SELECT a.id, b.w FROM t a LEFT JOIN u b ON a.k = b.k
SELECT a.id, b.w FROM t a JOIN u b ON a.k <=> b.k
SELECT a.id, b.id AS bid FROM t a JOIN u b ON a.f = b.x
SELECT a.id, b.id AS bid FROM t a JOIN u b ON a.g = b.x
SELECT a.id, b.id AS bid FROM t a JOIN u b ON a.d = b.y
SELECT a.id, b.id AS bid FROM t a JOIN u b ON a.i = b.w
SELECT a.id, b.id AS bid FROM t a JOIN u b ON a.l = b.x
SELECT a.id, b.id AS bid FROM t a JOIN u b ON a.dt = b.day
SELECT a.id, b.id AS bid FROM t a JOIN u b ON a.ts = b.day
SELECT a.id, b.v FROM t a JOIN words b ON a.id = b.v WHERE b.w = 'two'
SELECT a.id, b.v FROM t a JOIN (SELECT * FROM words WHERE w IN ('two')) b ON a.id = b.v
SELECT a.id, b.v FROM t a JOIN (SELECT * FROM words WHERE w = 'x') b ON a.id = b.v
SELECT a.id, b.id AS bid FROM t a JOIN u b ON a.k = b.k AND a.id = b.id
SELECT a.id, b.id AS bid FROM t a LEFT JOIN u b ON a.k = b.k AND a.i > b.w
SELECT a.id, b.id AS bid FROM t a JOIN u b ON a.k = b.k AND a.i > b.w AND b.x >= 0
SELECT a.id, b.id AS bid FROM t a LEFT JOIN u b ON a.k = b.k AND a.id < 3
SELECT a.id, b.id AS bid FROM t a LEFT JOIN u b ON a.k = b.k WHERE b.id IS NULL
SELECT a.id, b.id AS bid FROM t a JOIN u b ON a.id < b.id
SELECT a.id, b.id AS bid FROM t a LEFT JOIN u b ON a.id > b.w
SELECT a.id, b.id AS bid FROM t a JOIN u b ON true
SELECT a.id, b.id AS bid FROM t a LEFT JOIN e b ON a.id = b.id
SELECT a.id, b.id AS bid FROM t a JOIN e b ON a.id = b.id
SELECT a.id, b.id AS bid FROM e a LEFT JOIN t b ON a.id = b.id
SELECT a.id, b.id AS bid FROM t a JOIN u b ON a.id + 1 = b.id * 1
SELECT a.id, b.id AS bid FROM t a JOIN u b ON upper(a.k) = upper(b.k)
SELECT * FROM u JOIN (SELECT id, s FROM t) v USING (id)
SELECT * FROM u LEFT JOIN (SELECT id, k, s FROM t) v USING (k, id)
SELECT id, u.id AS a, v.id AS b FROM u LEFT JOIN (SELECT id, s FROM t) v USING (id)
SELECT v.* FROM u LEFT JOIN (SELECT id, s FROM t) v USING (id)
SELECT 1 AS x FROM u JOIN t USING (nope)
SELECT id FROM t JOIN u ON t.id = u.id
SELECT t.id FROM t JOIN u ON id = 1
SELECT t.id FROM t JOIN u ON t.id
SELECT t.id FROM t JOIN u ON t.b = u.day
SELECT x.id FROM t a
SELECT t.id FROM t a
SELECT a.id, b.id AS i2, c.v FROM t a JOIN u b ON a.id = b.id LEFT JOIN words c ON c.w = a.s
SELECT a.k, count(*) AS n, sum(b.y) AS s FROM t a JOIN u b ON a.k = b.k GROUP BY a.k
SELECT a.id, b.n FROM t a JOIN (SELECT k, count(*) AS n FROM t GROUP BY k) b ON a.k = b.k
SELECT a.id AS x, b.id AS y FROM t a JOIN t b ON a.i = b.i AND a.id < b.id
WITH x AS (SELECT k, max(id) AS m FROM t GROUP BY k) SELECT t.id, t.s FROM t JOIN x ON t.id = x.m
WITH x AS (SELECT 1 AS a), y AS (SELECT a + 1 AS a FROM x) SELECT x.a AS p, y.a AS q FROM x JOIN y ON x.a < y.a
WITH x AS (SELECT id FROM t), x2 AS (WITH x AS (SELECT 5 AS id) SELECT id FROM x) SELECT * FROM x2
WITH u AS (SELECT 1 AS one) SELECT * FROM u
WITH x AS (SELECT id FROM t WHERE id < 4) SELECT a.id FROM x a JOIN x b ON a.id = b.id + 1
WITH x AS (SELECT nope FROM t) SELECT 1 AS a
SELECT a.n + 1 AS m FROM (SELECT count(*) AS n FROM t) a
SELECT x.a FROM (SELECT id AS a FROM t WHERE id > 8) x WHERE x.a < 10
SELECT id FROM t UNION ALL SELECT id FROM u
SELECT id, k FROM t UNION ALL SELECT w, k FROM u UNION ALL SELECT 0, 'z'
SELECT d AS v FROM t UNION ALL SELECT y FROM u
SELECT i AS v FROM t UNION ALL SELECT x FROM u
SELECT d AS v FROM t WHERE id < 3 UNION ALL SELECT x FROM u WHERE id = 3
SELECT dt AS v FROM t WHERE id < 3 UNION ALL SELECT ts FROM t WHERE id < 3
SELECT NULL AS v UNION ALL SELECT 1
SELECT 1 AS v UNION ALL SELECT '2'
SELECT 1 AS v UNION ALL SELECT 'x'
SELECT 1 AS v UNION ALL SELECT true
SELECT 1 AS v, 2 AS w UNION ALL SELECT 1
! SELECT id AS a FROM t WHERE id < 3 UNION ALL SELECT id FROM u WHERE id < 4 ORDER BY a DESC
! SELECT id AS a FROM t UNION ALL SELECT id FROM u ORDER BY 1 LIMIT 4
SELECT k, count(*) AS n FROM (SELECT k FROM t UNION ALL SELECT k FROM u) GROUP BY k
SELECT DISTINCT v FROM (SELECT f AS v FROM t UNION ALL SELECT x FROM u)
(SELECT 1 AS a) UNION ALL (SELECT 2 ORDER BY 1 LIMIT 1)
SELECT id, row_number() OVER (PARTITION BY k ORDER BY id) AS rn FROM t
SELECT id, row_number() OVER (ORDER BY f DESC, id) AS rn FROM t
SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY k ORDER BY i DESC, id) AS rn FROM t) WHERE rn = 1
SELECT id, row_number() OVER (PARTITION BY b ORDER BY id DESC) AS a, row_number() OVER (PARTITION BY k ORDER BY id) AS c FROM t WHERE id > 2
SELECT k, row_number() OVER (ORDER BY count(*) DESC, k) AS rn FROM t GROUP BY k
SELECT k, sum(i) AS s, row_number() OVER (PARTITION BY count(*) ORDER BY k) + 10 AS rn FROM t WHERE id < 7 GROUP BY k
! SELECT id FROM t ORDER BY row_number() OVER (ORDER BY id DESC)
SELECT id, row_number() OVER (PARTITION BY k) AS rn FROM t
SELECT id FROM t WHERE row_number() OVER (ORDER BY id) = 1
SELECT id, rank() OVER (ORDER BY id) AS r FROM t
SELECT id, row_number(1) OVER (ORDER BY id) AS r FROM t
SELECT sum(1 / i) AS a FROM t
SELECT k, sum(1 / i) AS a FROM t WHERE i <> 0 GROUP BY k
SELECT CAST(s AS INT) AS a, count(*) AS n FROM t GROUP BY CAST(s AS INT)
SELECT nope, count(*) AS n FROM t GROUP BY nope
SELECT count(*) AS n FROM nowhere
SELECT sum() AS n FROM t
SELECT sum(i, l) AS n FROM t
SELECT sum(*) AS n FROM t
SELECT count(*) AS n, * FROM t
SELECT id FROM t UNION SELECT id FROM u
SELECT id FROM t INTERSECT SELECT id FROM u
SELECT a.id FROM t a RIGHT JOIN u b ON a.id = b.id
SELECT a.id FROM t a FULL JOIN u b ON a.id = b.id
SELECT a.id FROM t a LEFT SEMI JOIN u b ON a.id = b.id
SELECT stddev(i) AS a FROM t
SELECT k, count(*) AS n FROM t GROUP BY ROLLUP (k)
SELECT id FROM t WHERE id IN (SELECT id FROM u)
SELECT id FROM t ORDER BY id OFFSET 2

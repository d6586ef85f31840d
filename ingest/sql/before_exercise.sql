-- The newest publication on the way back that holds no exercise rows.
WITH RECURSIVE way AS (
    SELECT id, previous_id, exercise_count, 0 AS step FROM system.publication WHERE id = %s
    UNION ALL
    SELECT p.id, p.previous_id, p.exercise_count, way.step + 1
    FROM way JOIN system.publication p ON p.id = way.previous_id
)
SELECT id FROM way WHERE exercise_count = 0 ORDER BY step LIMIT 1

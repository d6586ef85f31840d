-- Publications of a layer that are neither current nor among the newest on the way back from it.
WITH RECURSIVE way AS (
    SELECT p.id, p.previous_id, 0 AS step
    FROM system.revision r JOIN system.publication p ON p.id = r.publication_id
    WHERE r.layer_id = %(layer)s
    UNION ALL
    SELECT p.id, p.previous_id, way.step + 1
    FROM way JOIN system.publication p ON p.id = way.previous_id
    WHERE way.step < %(kept)s
)
SELECT p.id, p.table_name, ARRAY(SELECT b ->> 'table' FROM jsonb_array_elements(p.bands) b), p.pack
FROM system.publication p
WHERE p.layer_id = %(layer)s AND p.id NOT IN (SELECT id FROM way)
  AND p.id NOT IN (SELECT publication_id FROM system.revision WHERE publication_id IS NOT NULL)

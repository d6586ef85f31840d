SELECT r.layer_id, p.feature_count, p.exercise_count, r.revision, to_char(p.loaded_at, 'YYYY-MM-DD HH24:MI'),
       p.source_date,
       pg_size_pretty(
           coalesce(pg_total_relation_size(to_regclass(format('reference.%I', p.table_name))), 0)
           + coalesce((SELECT sum(pg_total_relation_size(to_regclass(format('reference.%I', band ->> 'table'))))
                       FROM jsonb_array_elements(p.bands) AS band), 0))
FROM system.revision r JOIN system.publication p ON p.id = r.publication_id
ORDER BY r.layer_id

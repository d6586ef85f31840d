INSERT INTO system.publication (
    id, layer_id, table_name, bands, columns, tile_columns, srid, feature_count, vertex_count, extent, time_start,
    time_end, source, source_date, exercise_count, repaired, rejected, previous_id)
OVERRIDING SYSTEM VALUE
VALUES (
    %(id)s, %(layer)s, %(table)s, %(bands)s::jsonb, %(columns)s, %(tile_columns)s, %(srid)s, %(count)s, %(vertices)s,
    ST_MakeEnvelope((%(box)s::float8[])[1], (%(box)s::float8[])[2], (%(box)s::float8[])[3], (%(box)s::float8[])[4], 4326),
    %(first)s, %(last)s, %(source)s, %(source_date)s, %(exercise)s, %(repaired)s, %(rejected)s, %(previous)s)

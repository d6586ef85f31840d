INSERT INTO {band} ({columns})
SELECT {columns}
FROM (
    SELECT {kept}, ST_SetSRID(s."Shape", 3857) AS geom
    FROM {deeper} JOIN simplified s USING (fid)
) AS joined
ORDER BY geom

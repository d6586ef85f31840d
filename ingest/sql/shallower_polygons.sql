-- Each polygon by itself. One that collapses keeps its place and size as a square.
INSERT INTO {band} ({columns})
SELECT {columns}
FROM (
    SELECT {kept},
           CASE WHEN geom IS NULL OR ST_IsEmpty(geom)
                THEN ST_Expand(ST_PointOnSurface("Whole"), greatest(sqrt(ST_Area("Whole")), {tolerance}) / 2)
                ELSE geom END AS geom
    FROM (
        SELECT {kept}, "Whole",
               CASE WHEN geom IS NULL OR ST_IsEmpty(geom) OR ST_IsValid(geom) THEN geom
                    ELSE ST_CollectionExtract(ST_MakeValid(geom), 3) END AS geom
        FROM (
            SELECT {kept}, geom AS "Whole", ST_Simplify(geom, {tolerance}) AS geom
            FROM {deeper}
            WHERE minzoom <= {max}
            OFFSET 0  -- keeps ST_Simplify from being computed once per mention
        ) AS plain
        OFFSET 0
    ) AS mended
) AS finished
ORDER BY geom

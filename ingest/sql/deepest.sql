-- Full resolution in EPSG:3857, with the zoom from which each feature is shown. What is too slight
-- for the grid of a tile at the layer's deepest zoom is widened to it, so that every feature is there.
INSERT INTO {band} ({columns})
SELECT {columns}
FROM (
    SELECT {kept}, {shown} AS geom{label},
           greatest(-1e37, least(1e37, {rank}))::real AS rank,
           greatest({min}, least({max}, {zoom}))::smallint AS minzoom
    FROM (
        SELECT placed.*, {size} AS "Size"
        FROM (
            SELECT {kept}, {placed} AS geom
            FROM {table}
            OFFSET 0  -- else the geometry is transformed again wherever it is mentioned
        ) AS placed
        OFFSET 0
    ) AS sized {thinned}
) AS ranked
WHERE NOT ST_IsEmpty(geom)
ORDER BY geom

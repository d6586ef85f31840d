-- Lines keep their ends, points stay; a mixture is simplified without collapsing.
INSERT INTO {band} ({columns})
SELECT {columns}
FROM (
    SELECT {kept}, {simplified} AS geom
    FROM {deeper}
    WHERE minzoom <= {max}
) AS simplified
ORDER BY geom

-- Every point with where it is, at the deepest zoom.
CREATE TEMP TABLE survivor ON COMMIT DROP AS
SELECT fid, ST_X(centre) AS x, ST_Y(centre) AS y, rank, starts, {deepest}::smallint AS zoom
FROM (
    SELECT fid, ST_Centroid({placed}) AS centre, {rank}::float8 AS rank, {starts} AS starts
    FROM {table}
    OFFSET 0
) AS placed
WHERE NOT ST_IsEmpty(centre)

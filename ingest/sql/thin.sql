INSERT INTO survivor
SELECT DISTINCT ON (floor(x / {side}), floor(y / {side})) fid, x, y, rank, starts, {zoom}
FROM survivor
WHERE zoom = {zoom} + 1 AND starts <= {zoom}
ORDER BY floor(x / {side}), floor(y / {side}), rank DESC, fid

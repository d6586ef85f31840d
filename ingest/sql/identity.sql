-- New keys take the next numbers, in the order of the source.
INSERT INTO {table} (source_key, fid)
SELECT source_key, {last} + row_number() OVER (ORDER BY n)
FROM (
    SELECT source_key, min(n) AS n
    FROM pg_temp.incoming i
    WHERE NOT EXISTS (SELECT FROM {table} known WHERE known.source_key = i.source_key)
    GROUP BY source_key
) AS fresh

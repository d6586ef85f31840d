SELECT count(*), count(*) FILTER (WHERE exercise), coalesce(sum(ST_NPoints(geom)), 0),
       ST_XMin(ST_Extent(geom)), ST_YMin(ST_Extent(geom)), ST_XMax(ST_Extent(geom)), ST_YMax(ST_Extent(geom)),
       {times}
FROM {table}

UPDATE system.load
SET state = 'published', finished_at = now(), rows_read = %(read)s, rows_repaired = %(repaired)s,
    rows_rejected = %(rejected)s, publication_id = %(id)s
WHERE id = %(load)s

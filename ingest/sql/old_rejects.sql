DELETE FROM system.reject
WHERE load_id IN (
    SELECT id FROM system.load
    WHERE layer_id = %(layer)s AND publication_id IS NULL
      AND id NOT IN (SELECT id FROM system.load WHERE layer_id = %(layer)s ORDER BY id DESC LIMIT %(kept)s)
)

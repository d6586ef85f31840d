INSERT INTO system.revision AS r (layer_id, revision, publication_id)
VALUES (%(layer)s, 1, %(publication)s)
ON CONFLICT (layer_id) DO UPDATE
SET revision = r.revision + 1, publication_id = excluded.publication_id, changed_at = now()
RETURNING revision

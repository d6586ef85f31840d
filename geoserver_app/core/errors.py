"""What can go wrong, said once. Each protocol maps these classes to its own codes."""


class GeoError(Exception):
    """An error a client may be told about.

    ``detail`` is a sentence for people, ``locator`` names the offending parameter (OWS Common
    2.0, clause 8.5), ``status`` is the HTTP status where the protocol has no code of its own.
    """

    status = 500
    title = "Internal error"

    def __init__(self, detail: str, *, locator: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.locator = locator


class BadParameter(GeoError):
    status = 400
    title = "Bad parameter"


class MissingParameter(BadParameter):
    title = "Missing parameter"


class UnknownField(BadParameter):
    title = "Unknown field"


class UnknownCrs(BadParameter):
    title = "Unknown coordinate reference system"


class BadFilter(BadParameter):
    title = "Bad filter"


class UnknownFormat(GeoError):
    status = 406
    title = "Format not offered"


class NotFound(GeoError):
    status = 404
    title = "Not found"


class UnknownLayer(NotFound):
    title = "Unknown collection"


class Unauthorized(GeoError):
    """No key, or one that is not known. The answer carries WWW-Authenticate."""

    status = 401
    title = "A key is needed"


class Forbidden(GeoError):
    status = 403
    title = "Not allowed"


class NotAllowed(GeoError):
    """The resource exists but not for this method; ``allow`` lists the methods that work."""

    status = 405
    title = "Method not allowed"

    def __init__(self, detail: str, *, allow: tuple[str, ...] = ("GET", "HEAD", "OPTIONS")) -> None:
        super().__init__(detail)
        self.allow = allow


class Conflict(GeoError):
    status = 409
    title = "Conflict"


class Stale(GeoError):
    status = 412
    title = "Changed meanwhile"


class TooLarge(GeoError):
    status = 413
    title = "Too large"


class Overloaded(GeoError):
    """No room now; the answer carries Retry-After."""

    status = 503
    title = "Busy"

    def __init__(self, detail: str, *, retry_after: int = 2) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class TookTooLong(Overloaded):
    title = "Took too long"

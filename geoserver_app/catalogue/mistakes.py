"""What is wrong in layer and style files, told all at once."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from geoserver_app.core.errors import GeoError


@dataclass(frozen=True, order=True)
class Mistake:
    """One thing to mend. ``file`` is the file's name, ``key`` the dotted key in it (empty: the file itself)."""

    file: str
    key: str
    text: str

    def __str__(self) -> str:
        return f"{self.file}: {self.key}: {self.text}" if self.key else f"{self.file}: {self.text}"


class CatalogError(GeoError):
    """Layer or style files that cannot be used; nothing of the folders was taken up."""

    title = "Mistakes in layer or style files"

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(sorted(set(mistakes)))
        super().__init__("\n".join(map(str, self.mistakes)))


def meant(word: str, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown word: what was probably meant, or what there is."""
    names = list(known)
    near = get_close_matches(word.lower(), names, n=1, cutoff=0.6)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"known are {', '.join(dict.fromkeys(names))}" if names else "there are none"

"""Every text of the interface is there in both languages."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

VIEWER = Path(__file__).resolve().parents[2] / "geoserver_app" / "viewer"
PRINT = """
import { buildSync } from "esbuild";
const options = { entryPoints: ["src/i18n.ts"], bundle: true, format: "esm", write: false };
const [{ text }] = buildSync(options).outputFiles;
const found = await import("data:text/javascript," + encodeURIComponent(text));
const browsers = [["en-US", "en"], ["en"], ["nl-BE", "en-GB", "fr"], ["fr-BE", "en"], ["de", "nl"], []];
console.log(JSON.stringify([found.TEXTS, browsers.map(one => found.preferredLanguage(one))]));
"""
ALIKE = {"source", "sources", "licence", "licences"}


@pytest.fixture(scope="module")
def printed() -> tuple[dict[str, list[str]], list[str]]:
    """The table of texts, and the languages some browsers get."""
    node = shutil.which("node")
    if node is None or not (VIEWER / "node_modules" / "esbuild").exists():
        pytest.skip("the viewer's packages are not installed (run script/server once)")
    command = [node, "--input-type=module", "-e", PRINT]
    done = subprocess.run(command, cwd=VIEWER, capture_output=True, text=True, check=True)
    texts, languages = json.loads(done.stdout)
    return texts, languages


def test_every_text_is_there_in_french_and_in_english(printed: tuple[dict[str, list[str]], list[str]]) -> None:
    texts, _ = printed
    assert len(texts) > 50
    assert [key for key, both in texts.items() if len(both) != 2 or not all(text.strip() for text in both)] == []
    assert {key for key, (french, english) in texts.items() if french == english} <= ALIKE


def test_a_browser_gets_the_first_of_its_languages_that_the_interface_speaks(
    printed: tuple[dict[str, list[str]], list[str]],
) -> None:
    assert printed[1] == ["en", "en", "en", "fr", "fr", "fr"]


def test_no_text_of_the_interface_stands_outside_the_table() -> None:
    """Words that are shown or read aloud: children and labels of elements that the page builds."""
    shown = re.compile(r"""(?:"aria-label"|title|placeholder|textContent|alt)\s*[:=]\s*(?:"|`)[^"`$]*[A-Za-zÀ-ÿ]{3}""")
    files = [path for path in (VIEWER / "src").glob("*.ts") if path.name != "i18n.ts"]
    assert files
    assert [path.name for path in files if shown.search(path.read_text(encoding="utf-8"))] == []

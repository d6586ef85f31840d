# Sourced by the other scripts: sets python to one that is at least 3.11.
python=""
for candidate in "${MAILLAGE_PYTHON:-}" python3 python3.13 python3.12 python3.11 python3.14; do
    if [ -n "$candidate" ] && command -v "$candidate" >/dev/null 2>&1 &&
        "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
        python="$candidate"
        break
    fi
done
if [ -z "$python" ]; then
    echo "Maillage needs Python 3.11 or newer and found none: install python3 from Debian 12, Ubuntu 24.04 or newer," \
        "or set MAILLAGE_PYTHON to the path of one." >&2
    exit 1
fi

"""``python -m heatfleet`` = ``heatfleet``."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - a clear line beats a SyntaxError
    sys.exit("heatfleet needs Python 3.11 or newer; this is " + sys.version.split()[0])

from heatfleet.cli import main

if __name__ == "__main__":
    main()

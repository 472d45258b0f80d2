"""`python -m beamsession.record.external <detector as JSON>`: the process of one such detector."""

import sys

from beamsession.record.external.process import main

main(sys.argv[1:])
